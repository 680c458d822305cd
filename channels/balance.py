"""How a provider's balance is told to staff."""

from decimal import Decimal, InvalidOperation

from templates.i18n import _, current_language

# Less than this is told as low: it lasts for about a hundred messages.
LOW_BALANCE = {"RUB": Decimal(500), "USD": Decimal(10), "EUR": Decimal(10)}


def read_amount(value: object) -> Decimal | None:
    """An amount of money as a provider writes it; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value)[:32])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < 10**12 else None


def balance_words(amount: Decimal, currency: str) -> str:
    """The amount with its currency (ISO 4217), and a word when it is low."""
    figures = f"{amount:,.2f}"
    if current_language() == "ru":
        figures = figures.replace(",", "\u00a0").replace(".", ",")
    said = f"{figures} {currency}"
    if amount < LOW_BALANCE.get(currency, Decimal(0)):
        return _("{amount}, running low").format(amount=said)
    return said
