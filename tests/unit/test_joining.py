"""One number under several accounts: who is told by whose delivery."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.joining import Candidate, Joined, join_shared
from campaigns.scenario import SameContact

MERGE, ONCE, SEPARATE = SameContact.MERGE, SameContact.ONCE, SameContact.SEPARATE
A, B, C = "+79160000001", "+79160000002", "+79160000003"


def candidate(recipient_id: int, *points: str) -> Candidate:
    return Candidate(recipient_id, f"account-{recipient_id}", points)


@pytest.mark.parametrize("how", [MERGE, ONCE])
class TestJoined:
    def test_a_landlord_with_three_flats_gets_one_delivery(self, how: SameContact) -> None:
        flats = [candidate(3, A), candidate(1, A), candidate(2, A)]
        assert join_shared(flats, how) == {1: Joined(1, (A,), (1, 2, 3))}

    def test_a_second_number_that_all_accounts_gave_is_kept(self, how: SameContact) -> None:
        flats = [candidate(1, A, C, B), candidate(2, A, B, C)]
        assert join_shared(flats, how)[1].points == (A, C, B)

    def test_a_number_that_one_account_did_not_give_is_not_told_about_it(
        self, how: SameContact
    ) -> None:
        flats = [candidate(1, A, B), candidate(2, A)]
        assert join_shared(flats, how) == {1: Joined(1, (A,), (1, 2))}

    def test_a_number_that_is_somebodys_first_is_nobody_elses_second(
        self, how: SameContact
    ) -> None:
        couple = [candidate(1, A, B), candidate(2, B, A)]
        assert join_shared(couple, how) == {1: Joined(1, (A,), (1,)), 2: Joined(2, (B,), (2,))}

    def test_a_second_number_of_two_belongs_to_the_earlier_in_the_file(
        self, how: SameContact
    ) -> None:
        neighbours = [candidate(2, B, C), candidate(1, A, C)]
        joined = join_shared(neighbours, how)
        assert joined[1].points == (A, C)
        assert joined[2].points == (B,)

    def test_a_number_given_twice_is_one_number(self, how: SameContact) -> None:
        assert join_shared([candidate(1, A, A, B)], how)[1].points == (A, B)

    def test_who_has_no_number_is_not_lost(self, how: SameContact) -> None:
        joined = join_shared([candidate(1), candidate(2), candidate(3, A)], how)
        assert joined[1] == Joined(1, (), (1,))
        assert joined[2] == Joined(2, (), (2,))


def test_separate_deliveries_keep_all_their_numbers() -> None:
    flats = [candidate(1, A, B), candidate(2, A, A)]
    joined = join_shared(flats, SEPARATE)
    assert joined == {1: Joined(1, (A, B), (1,)), 2: Joined(2, (A,), (2,))}


def test_a_recipient_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        join_shared([candidate(1, A), candidate(1, B)], MERGE)


def test_nobody_makes_nothing() -> None:
    assert join_shared([], MERGE) == {}


CANDIDATES = st.dictionaries(
    st.integers(1, 40), st.lists(st.sampled_from("abcdef"), max_size=4), max_size=12
).map(lambda rows: [candidate(number, *points) for number, points in rows.items()])


class TestProperties:
    @given(CANDIDATES, st.sampled_from(SameContact))
    def test_every_candidate_is_told_exactly_once(
        self, candidates: list[Candidate], how: SameContact
    ) -> None:
        joined = join_shared(candidates, how)
        members = [member for group in joined.values() for member in group.members]
        assert sorted(members) == sorted(c.recipient_id for c in candidates)
        for lead, group in joined.items():
            assert lead == group.lead == min(group.members)

    @given(CANDIDATES, st.sampled_from([MERGE, ONCE]))
    def test_no_number_belongs_to_two_deliveries(
        self, candidates: list[Candidate], how: SameContact
    ) -> None:
        points = [
            point for group in join_shared(candidates, how).values() for point in group.points
        ]
        assert len(points) == len(set(points))

    @given(CANDIDATES, st.sampled_from(SameContact))
    def test_every_delivery_keeps_its_first_number_and_only_numbers_all_members_gave(
        self, candidates: list[Candidate], how: SameContact
    ) -> None:
        given_by = {c.recipient_id: c.points for c in candidates}
        for group in join_shared(candidates, how).values():
            for member in group.members:
                assert given_by[member][:1] == group.points[:1]
                assert set(group.points) <= set(given_by[member])

    @given(CANDIDATES, st.sampled_from(SameContact), st.randoms(use_true_random=False))
    def test_the_order_of_the_rows_does_not_matter(
        self, candidates: list[Candidate], how: SameContact, random: Random
    ) -> None:
        shuffled = random.sample(candidates, len(candidates))
        assert join_shared(shuffled, how) == join_shared(candidates, how)

    @given(CANDIDATES, st.sampled_from(SameContact))
    def test_joining_again_changes_nothing(
        self, candidates: list[Candidate], how: SameContact
    ) -> None:
        once = join_shared(candidates, how)
        again = join_shared([candidate(g.lead, *g.points) for g in once.values()], how)
        assert {lead: group.points for lead, group in again.items()} == {
            lead: group.points for lead, group in once.items()
        }
