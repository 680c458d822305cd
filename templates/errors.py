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
