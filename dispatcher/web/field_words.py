"""The fields of a recipient in the words of a clerk, who never typed `debt_kopecks`."""

from collections.abc import Mapping

from campaigns.audience.targets import TYPED_ENDINGS
from templates.i18n import _


def field_titles() -> Mapping[str, str]:
    """What our own texts may say."""
    return {
        "debt_kopecks": _("debt"),
        "amount_kopecks": _("amount to pay"),
        "due_on": _("pay until"),
        "period": _("period"),
        "tariff": _("tariff"),
        "tariff_on": _("tariff from"),
        "price_kopecks": _("price"),
        "address": _("address of the premises"),
        "restriction_on": _("restriction on"),
        "outage_on": _("outage on"),
        "outage_from": _("outage from"),
        "outage_until": _("outage until"),
        "restore_at": _("supply back at"),
        "works_on": _("works on"),
        "works": _("kind of works"),
    }


def field_title(name: str) -> str:
    """«долг»; of a field that a list has made for itself its name, without what it holds."""
    own = {
        "account_number": _("account number"),
        "name": _("first name"),
        "patronymic": _("patronymic"),
        "surname": _("surname"),
        "branch": _("branch"),
        "region": _("region"),
    }
    if name in own:
        return own[name]
    ending = next((one for one in TYPED_ENDINGS if name.endswith(one)), "")
    return field_titles().get(name) or name.removesuffix(ending).replace("_", " ")


def column_title(name: str) -> str:
    """«долг (руб.)»: a column, with what has to stand in it."""
    title = field_title(name)
    if name.endswith("_kopecks"):
        return _("{title} (roubles)").format(title=title)
    return title
