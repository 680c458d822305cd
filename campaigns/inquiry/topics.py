"""What an inquiry is about, by the rules that staff edit.

Each word and phrase that is found speaks for its topic by the weight of its rule, once; in the
subject it counts double. A phrase takes its words away from the rules for single words: in
«претензий нет» nobody complains. Then, in this order:

1. a rule with nothing but a sender, a mailbox or an account decides, the staff's own first;
2. who complains has a complaint, whatever else it is about;
3. thanks are thanks where they outweigh all that is said besides: most letters end with «спасибо»;
4. the topic that most speaks for;
5. where nothing speaks loud enough: other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.inquiry.dictionary import MOST_CHARACTERS, words_of, words_of_rule
from campaigns.inquiry.rules import InquiryRules, Topic, TopicRule

# What a topic needs to be one: a word of ordinary weight.
ENOUGH = 1.0
SUBJECT_COUNTS = 2.0
# A phrase is less likely to be there by chance than a word.
PHRASE_COUNTS = 2.0
MOST_REASONS = 12


@dataclass(frozen=True, slots=True)
class About:
    """`confidence` is from 0 to 1; `because` are the words of the rules that spoke for it."""

    topic: Topic
    confidence: float
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """A word or phrase of a rule. Each is itself: it is heard once in a letter."""

    text: str
    rule: TopicRule
    is_phrase: bool

    @property
    def weight(self) -> float:
        return self.rule.weight * (PHRASE_COUNTS if self.is_phrase else 1)


@dataclass(slots=True)
class _Node:
    """A beginning of phrases: how they go on, and which of them end here."""

    further: dict[str, "_Node"] = field(default_factory=dict)
    ends: list[_Said] = field(default_factory=list)


class Classifier:
    """The rules, ready for letters. Built once; shared by threads."""

    __slots__ = ("_deciding", "_root")

    def __init__(self, rules: InquiryRules) -> None:
        self._deciding = [rule for rule in rules.topics if not (rule.words or rule.phrases)]
        self._root = _Node()
        for rule in rules.topics:
            for text in (*rule.words, *rule.phrases):
                self._add(text, rule)

    def _add(self, text: str, rule: TopicRule) -> None:
        words, node = words_of_rule(text), self._root
        for word in words:
            node = node.further.setdefault(word, _Node())
        if words and all(said.rule is not rule for said in node.ends):
            node.ends.append(_Said(text, rule, is_phrase=len(words) > 1))

    def classify(
        self, subject: str, words: str, *, sender: str = "", mailbox: str = "", account: str = ""
    ) -> About:
        """The topic of a letter: of its subject, and of what its sender wrote."""
        place = _Place(sender.casefold(), mailbox.casefold(), account)
        for rule in self._deciding:
            if place.fits(rule):
                return About(rule.topic, 1.0)
        heard: dict[_Said, float] = {}
        for text, times in ((words, 1.0), (subject, SUBJECT_COUNTS)):
            for said in self._heard(text, place):
                heard[said] = said.weight * times
        return _decide(heard, asks="?" in subject[:MOST_CHARACTERS] + words[:MOST_CHARACTERS])

    def _heard(self, text: str, place: "_Place") -> Iterable[_Said]:
        """What is found in a text, the longest first; no word is part of two phrases."""
        tokens = list(words_of(text))
        at = 0
        while at < len(tokens):
            length, found = self._longest(tokens, at, place)
            yield from found
            at += max(length, 1)

    def _longest(
        self, tokens: Sequence[Sequence[str] | None], at: int, place: "_Place"
    ) -> tuple[int, Sequence[_Said]]:
        nodes, length, best = [self._root], 0, (0, list[_Said]())
        while nodes and at + length < len(tokens):
            forms = tokens[at + length]
            if forms is None:
                break
            nodes = [node.further[form] for node in nodes for form in forms if form in node.further]
            length += 1
            ends = [said for node in nodes for said in node.ends if place.fits(said.rule)]
            if ends:
                best = (length, ends)
        return best


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a letter came from, and about which account."""

    sender: str
    mailbox: str
    account: str

    def fits(self, rule: TopicRule) -> bool:
        return (
            (not rule.senders or any(_is_at(self.sender, one) for one in rule.senders))
            and (not rule.mailboxes or any(_is_at(self.mailbox, one) for one in rule.mailboxes))
            and (not rule.accounts or self.account.startswith(rule.accounts))
        )


def _is_at(address: str, wanted: str) -> bool:
    wanted = wanted.casefold()
    if wanted.startswith("*"):
        return address.endswith(wanted[1:])
    return address == wanted


def _decide(heard: Mapping[_Said, float], *, asks: bool) -> About:
    loud = dict.fromkeys(Topic, 0.0)
    # Who asks does more than thank.
    loud[Topic.OTHER] = ENOUGH if asks else 0.0
    for said, weight in heard.items():
        loud[said.rule.topic] += weight
    topic = _topic(loud)
    others = max((weight for one, weight in loud.items() if one is not topic), default=0.0)
    own = loud[topic]
    confidence = own / (own + others + 1) * (0.5 if topic is Topic.OTHER else 1)
    because = sorted(
        (said for said in heard if said.rule.topic is topic), key=lambda said: -heard[said]
    )
    reasons = tuple(dict.fromkeys(said.text for said in because))
    return About(topic, round(confidence, 2), reasons[:MOST_REASONS])


def _topic(loud: Mapping[Topic, float]) -> Topic:
    if loud[Topic.COMPLAINT] >= ENOUGH:
        return Topic.COMPLAINT
    thanks = loud[Topic.THANKS]
    if thanks >= ENOUGH and 2 * thanks > sum(loud.values()):
        return Topic.THANKS
    special = (Topic.OUTAGE, Topic.READING, Topic.BILLING, Topic.CONNECTION, Topic.CONTRACT)
    loudest = max(special, key=lambda topic: loud[topic])
    return loudest if loud[loudest] >= ENOUGH else Topic.OTHER
