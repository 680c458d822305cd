"""Providers at whose domains strangers have their mailboxes side by side.

At a firm's domain one mailbox vouches for another: the secretary's Return-Path under the director's
From. At mail.ru it does not: anybody has an address there within a minute. And as many customers
write from there as like to, so that nothing is counted by such a domain.
"""

from campaigns.inquiry.address import domain_of

_DOMAINS = """
mail.ru bk.ru inbox.ru list.ru internet.ru xmail.ru vk.com
yandex.ru ya.ru narod.ru yandex.com yandex.by yandex.kz yandex.ua yandex.uz
rambler.ru lenta.ru autorambler.ru myrambler.ru rambler.ua ro.ru
sberbank.me sber.ru
nm.ru pochta.ru fromru.com front.ru hotbox.ru land.ru mail15.com mail333.com pisem.net pop3.ru
rbcmail.ru smtp.ru krovatka.su e-mail.ru email.su mailru.com newmail.ru orc.ru qip.ru
e1.ru ngs.ru sibmail.com tomsk.ru mail.tomsk.ru nextmail.ru hotmail.ru km.ru bigmir.net
tut.by mail.by ukr.net i.ua meta.ua mail.kz
gmail.com googlemail.com
outlook.com hotmail.com live.com msn.com outlook.ru live.ru hotmail.co.uk outlook.de hotmail.de
hotmail.fr live.de
yahoo.com ymail.com rocketmail.com yahoo.co.uk yahoo.de yahoo.fr
icloud.com me.com mac.com
aol.com gmx.de gmx.net gmx.com gmx.at web.de t-online.de freenet.de mail.com email.com
proton.me protonmail.com pm.me tutanota.com tuta.io tuta.com fastmail.com fastmail.fm
zoho.com zohomail.com hey.com duck.com
qq.com 163.com 126.com sina.com naver.com
orange.fr free.fr laposte.net libero.it seznam.cz wp.pl o2.pl onet.pl interia.pl
"""
PUBLIC_DOMAINS = frozenset(_DOMAINS.split())


def is_public(domain: str) -> bool:
    """Whether mailboxes at this very domain belong to strangers of each other."""
    return domain_of(f"@{domain}") in PUBLIC_DOMAINS
