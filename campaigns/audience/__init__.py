"""The audience of a campaign, read from a billing export (CSV or XLSX).

`read_audience` gives a stream: one `Recipient` per good row, one `RowError` per finding. A finding
is fatal when its row did not go in, and a warning otherwise (see `campaigns.audience.rows`).

What a column holds follows from its header (`campaigns.audience.columns`), in Russian or English:

* known headers ("Лицевой счёт", "л/с", "ФИО", "Телефон 2", "E-mail", "Филиал", "Регион", "Часовой
  пояс", "Физ/юр" …) fill the recipient itself. There may be several columns of phones and e-mails;
* headers about consent ("Согласие на рекламу", "Согласие SMS", "Отказ от рассылки") become
  consents: purpose and channel are read from the header, yes, no or a date from the cell;
* "Долг", "Задолженность", "Дебиторская задолженность" … are `debt_kopecks`, "Оплатить до", "Срок
  оплаты" are `due_on`, "К оплате" is `amount_kopecks`, "Адрес" is `address`, "Период" `period`,
  "Тариф" `tariff`;
* any further column is a field named by its header in lower case with underscores. When the
  header says money ("…, руб", "Сумма …", "Начислено", "Пени" …) the name ends in `_kopecks`,
  without the unit, and the value is an int; when it begins or ends with "дата" the name ends in
  `_on` and the value is an ISO date; otherwise the value is text on one line;
* a header that is a field's name already (`penalty_kopecks`, `cut_off_on`, `restore_at`) is taken
  as it is: the first holds whole kopecks, the last a local date and time;
* `mapping` (`--map "Header=field"`) overrules all this: a name ending in `_kopecks` means money,
  `_on` a date, `_at` a local date and time, `phone`, `email`, `full_name` … (or any header that is
  known for them) the recipient's own values, `-` leaves the column out. A misspelt name is refused.

The header may stand below a title, within the first rows. The time zone comes from the zone column,
else the region, else the branch, else nothing is known; a phone number is never asked.
"""

from campaigns.audience.amounts import parse_kopecks
from campaigns.audience.dates import parse_date
from campaigns.audience.export import export_errors
from campaigns.audience.findings import CellError, RowError
from campaigns.audience.first_look import FirstLook, look_into
from campaigns.audience.headers import Column, Role
from campaigns.audience.joining import join_rows
from campaigns.audience.limits import Limits
from campaigns.audience.reading import AudienceFile, read_audience

__all__ = [
    "AudienceFile",
    "CellError",
    "Column",
    "FirstLook",
    "Limits",
    "Role",
    "RowError",
    "export_errors",
    "join_rows",
    "look_into",
    "parse_date",
    "parse_kopecks",
    "read_audience",
]
