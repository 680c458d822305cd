"""Files as they come: whole or absent, of any kind, one piece in memory at a time."""

import io
import socket
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from dispatcher.access.roles import Role
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Ledger, jobs, uploads
from dispatcher.ledger.staff_tables import jobs as asked_jobs
from dispatcher.ledger.staff_tables import upload_pieces
from dispatcher.ledger.staff_tables import uploads as table
from dispatcher.uploading import plain_file_name
from dispatcher.web.audiences_sending import AT_A_TIME, PIECE_BYTES
from tests.ledger.making import NOW
from tests.web.audiences import GOOD, accept, send
from tests.web.house import Guest, House, words_of


def count_of(house: House) -> tuple[int, int]:
    """Files that are whole, and all that there are."""
    with house.engine.ledger.read() as tx:
        whole = tx.execute(select(func.count(table.c.size))).scalar_one()
        return whole, tx.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_file_of_many_pieces_arrives_as_it_was_sent(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    rows = "".join(f"{n:011d};Имя Фамилия;+7916{n % 10**7:07d}\n" for n in range(40_000))
    content = ("Лицевой счет;ФИО;Телефон\n" + rows).encode()
    assert len(content) > 3 * PIECE_BYTES
    page = send(guest, content, "много.csv")
    upload_id = int(page.url.rpartition("/")[2])
    with house.engine.ledger.read() as tx:
        assert b"".join(uploads.pieces(tx, upload_id)) == content
        longest = tx.execute(select(func.max(func.length(upload_pieces.c.content)))).scalar_one()
    assert longest <= PIECE_BYTES


def test_a_browser_that_goes_in_the_middle_leaves_nothing(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    with socket.create_connection((house.server.host, house.server.port)) as line:
        line.sendall(_head(guest, house, 3 * PIECE_BYTES) + b"x" * 2 * PIECE_BYTES)
        _wait_until(lambda: count_of(house) == (0, 1))
    _wait_until(lambda: count_of(house) == (0, 0))


def test_what_a_killed_process_left_is_seen_by_nobody_and_swept(ledger: Ledger) -> None:
    with ledger.write() as tx:
        lost = uploads.begin(tx, "a.csv", "editor", NOW)
        uploads.add_piece(tx, lost, 0, b"half", NOW)
    with ledger.read() as tx:
        assert uploads.unaccepted(tx, "editor", NOW) == []
        with pytest.raises(NotFound):
            uploads.get(tx, lost)
    later = NOW + uploads.SILENT + timedelta(seconds=1)
    with ledger.write() as tx:
        slow = uploads.begin(tx, "b.csv", "editor", later)
        with pytest.raises(NotPossible):
            uploads.add_piece(tx, lost, 1, b"the rest", later)
        uploads.add_piece(tx, slow, 0, b"all", later)
        uploads.finish(tx, slow, 3, later)
        assert list(uploads.pieces(tx, lost)) == []
    with ledger.write() as tx:
        assert [u.id for u in uploads.unaccepted(tx, "editor", later)] == [slow]
        assert uploads.sweep(tx, later + uploads.KEPT + timedelta(seconds=1)) == 1


@pytest.mark.parametrize("kind", ["import", "api.launch"])
def test_a_file_that_a_job_is_to_read_stays_until_the_job_is_over(
    ledger: Ledger, kind: str
) -> None:
    with ledger.write() as tx:
        wanted, other = (uploads.begin(tx, "a.csv", "editor", NOW) for _one in range(2))
        for upload_id in (wanted, other):
            uploads.add_piece(tx, upload_id, 0, b"all", NOW)
            uploads.finish(tx, upload_id, 3, NOW)
        jobs.ask(tx, kind, {"upload_id": str(wanted)}, "editor", NOW)
        uploads.discard_unaccepted(tx, wanted)
        assert [one.id for one in uploads.unaccepted(tx, "editor", NOW)] == [other]
    late = NOW + uploads.KEPT + timedelta(seconds=1)
    with ledger.write() as tx:
        assert uploads.sweep(tx, late) == 1
        assert uploads.get(tx, wanted).size == 3
        tx.execute(update(asked_jobs).values(status=jobs.JobStatus.FAILED))
        assert uploads.sweep(tx, late) == 1


def test_more_than_may_be_sent_at_a_time_wait_and_all_arrive(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    content = GOOD.encode() + b" " * PIECE_BYTES
    answers: list[int] = []

    def one() -> None:
        answers.append(
            send(Guest(guest.url, guest.session, guest.csrf), content, "a.csv").status_code
        )

    threads = [threading.Thread(target=one) for _ in range(AT_A_TIME * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * AT_A_TIME * 2
    assert count_of(house) == (AT_A_TIME * 2,) * 2


def test_a_file_without_the_token_before_it_is_not_taken_in(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    guest.csrf = "made up"
    assert send(guest, GOOD.encode(), "a.csv").status_code == 403
    assert count_of(house) == (0, 0)


def test_who_may_only_look_sends_nothing(house: House) -> None:
    assert send(house.visit(Role.READER), GOOD.encode(), "a.csv").status_code == 403
    assert count_of(house) == (0, 0)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    with socket.create_connection((house.server.host, house.server.port)) as line:
        line.sendall(_head(guest, house, 70_000_000))
        assert b" 413 " in line.recv(4096)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.csv", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        ("old.xls", b"\xd0\xcf\x11\xe0 old workbook"),
        ("list.xlsx", b"PK\x03\x04 broken"),
        ("nulls.csv", b"a;b\x00c\n" * 50),
        ("empty.csv", b" \n \n"),
        ("quote.csv", b'"' + b"x" * 300_000),
    ],
)
def test_what_is_no_list_is_refused_with_advice(house: House, name: str, content: bytes) -> None:
    page = send(house.visit(Role.EDITOR), content, name)
    assert page.status_code == 422
    assert "Файл не читается" in words_of(page)
    assert "<script>alert" not in page.text


def test_a_zip_bomb_is_measured_and_not_unpacked(house: House) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _block in range(32):
                part.write(b" " * 1024 * 1024)
    page = send(house.visit(Role.EDITOR), packed.getvalue(), "bomb.xlsx")
    assert page.status_code == 422
    assert "не открывается" in words_of(page) or "распак" in words_of(page)


def test_an_empty_choice_is_told_in_words(house: House) -> None:
    page = send(house.visit(Role.EDITOR), b"", "")
    assert page.status_code == 422
    assert "Сначала выберите файл" in words_of(page)


def test_what_stands_in_cells_is_shown_and_never_run(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    row = '70000000001;<img src=x onerror=alert(1)>;+79161234567;"=cmd|calc"'
    text = f"Лицевой счет;ФИО;Телефон;<b>Примечание</b>\n{row}\n"
    page = send(guest, text.encode(), "<i>x</i>.csv")
    assert page.status_code == 200
    assert not any(tag in page.text for tag in ("<img", "<b>Прим", "<i>x"))


def test_a_list_of_which_no_row_is_taken_leads_back_to_its_columns(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    page = send(guest, b"account;phone\nno digits;+79161234567\n", "bad.csv")
    accepted = accept(guest, page, name="Плохой")
    house.do_jobs()
    told = guest.get(accepted.url.removeprefix(guest.url))
    assert "Не удалось взять ни одной строки" in words_of(told)
    back = page.url.removeprefix(guest.url)
    assert back in told.text
    assert guest.get(back).url == page.url  # and not to the import that came to nothing
    assert accept(guest, page, name="Плохой").url != accepted.url


@given(st.text(max_size=300))
def test_a_files_name_becomes_one_that_any_disk_takes(given_name: str) -> None:
    name = plain_file_name(given_name)
    assert 0 < len(name.encode("utf-8")) <= 255
    assert name.isprintable() or not any(c in name for c in "\n\r\t\x00")
    assert "/" not in name
    assert "\\" not in name
    assert name.strip(". ") not in ("", "..")


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("C:\\Долги\\декабрь.csv", "декабрь.csv"),
        ("../../etc/passwd", "passwd"),
        ("list\u202evsc.exe", "listvsc.exe"),
        ("..", "list"),
        (".csv", "csv"),
    ],
)
def test_a_files_name_loses_its_path_and_what_deceives(given_name: str, name: str) -> None:
    assert plain_file_name(given_name) == name


def test_a_files_name_is_shown_as_its_owner_wrote_it(house: House) -> None:
    page = send(house.visit(Role.EDITOR), GOOD.encode(), 'Долги "Ноябрь" & 5 %.csv')
    assert 'Файл Долги "Ноябрь" & 5 %.csv,' in words_of(page)
    assert 'value="Долги &#34;Ноябрь&#34; &amp; 5 %"' in page.text


def _head(guest: Guest, house: House, length: int) -> bytes:
    """The beginning of a request that sends a file."""
    part = (
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{guest.csrf}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    )
    return (
        "POST /audiences/upload HTTP/1.1\r\nHost: x\r\n"
        f"Cookie: session={house.token(Role.EDITOR)}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {length}\r\n\r\n{part}"
    ).encode()


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
