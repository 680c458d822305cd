"""Why a text could not be rendered: never with a value in the words, for they may be logged."""


class RenderError(Exception):
    """A template and the values given to it do not fit; carries names, never values."""


class MissingValue(RenderError):
    """A placeholder that nobody fills."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no value for the placeholder {name!r}")


class UnfitValue(RenderError):
    """A value of the wrong kind for its filter or comparison: a word where a date belongs."""

    def __init__(self, filter_name: str, expected: str) -> None:
        self.filter_name = filter_name
        self.expected = expected
        super().__init__(f"the filter {filter_name!r} needs {expected}")


class TooLong(RenderError):
    """A text longer than the standard allows: an SMS in characters, a call in seconds.

    `fields` tells what makes an SMS long: the placeholders with the characters each of them put in,
    the longest first. Names only: what they put in is a customer's own.
    """

    def __init__(
        self,
        unit: str,
        measured: float,
        limit: float,
        fields: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.unit = unit
        self.measured = measured
        self.limit = limit
        self.fields = fields
        super().__init__(f"{measured:g} {unit} where at most {limit:g} are allowed")


class EmptyText(RenderError):
    """A template that says nothing for these values."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"{file} came out empty")


class TooManyAccounts(RenderError):
    """More accounts under one contact point than one message can sensibly speak of."""

    def __init__(self, accounts: int, limit: int) -> None:
        self.accounts = accounts
        self.limit = limit
        super().__init__(f"{accounts} accounts in one message where at most {limit} are allowed")
