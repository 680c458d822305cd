"""Who signs an answer: to an English letter nobody signs in Cyrillic."""

from dispatcher.settings import Settings
from templates.transliteration import transliterate


def supplier_in(settings: Settings, language: str) -> dict[str, str]:
    """What an answer in this language may say about us. A post in Latin letters would say nothing:
    where it is not translated, the department signs."""
    told = settings.supplier()
    if language != "en":
        return told
    post = told.pop("company_signer_post", "")
    post = settings.company_signer_post_en or (post if post.isascii() else "")
    return {
        **told,
        "company": settings.company_en or transliterate(settings.company),
        "company_signer": settings.company_signer_en or transliterate(settings.company_signer),
        **({"company_signer_post": post} if post else {}),
    }


def sender_name(settings: Settings, language: str) -> str:
    """The name before the address that an answer in this language comes from."""
    if language != "en":
        return settings.mail_from_name or settings.company
    return transliterate(settings.mail_from_name) or supplier_in(settings, language)["company"]
