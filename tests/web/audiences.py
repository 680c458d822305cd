"""Files that clerks send, and how a browser sends them."""

from requests import Response

from tests.web.house import Guest, House

BAD = "итого по участку"
EXPORT = (
    "Лицевой счет;ФИО;Телефон;E-mail;Регион;Задолженность\r\n"
    "70000000001;Иванова Мария Петровна;8 916 123-45-67;;Омская область;2547,30\r\n"
    "70000000002;Петров Иван Ильич;;ivan@example.com;Москва;100\r\n"
    "70000000003;ООО Ромашка;+7 916 123-45-69;;Омская область;5,00\r\n"
    f"{BAD};Всего;+7 916 123-45-70;;Москва;10\r\n"
    'всего;"=HYPERLINK(""http://evil.example"")";;;;\r\n'
)
GOOD = "Лицевой счет;ФИО;Телефон\n70000000001;Иванова Мария;+79161234567\n"


def send(guest: Guest, content: bytes, file_name: str, **fields: str) -> Response:
    """Send a file as a form does, and look at how it is read."""
    files = {"file": (file_name, content, "text/csv")}
    form = {"csrf": guest.csrf, **fields}
    return guest.session.post(f"{guest.url}/audiences/upload", data=form, files=files, timeout=60)


def accept(guest: Guest, page: Response, **fields: str) -> Response:
    path = page.url.removeprefix(guest.url).partition("?")[0]
    return guest.post(f"{path}/accept", fields)


def bring(house: House, guest: Guest, text: str, name: str) -> int:
    """Bring a list in, to the end; its id."""
    page = accept(guest, send(guest, text.encode(), f"{name}.csv"), name=name)
    house.do_jobs()
    told = guest.get(page.url.removeprefix(guest.url)).text
    return int(told.partition('href="/audiences/')[2].partition('"')[0].partition("/")[0] or 0)
