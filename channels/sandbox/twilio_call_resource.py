"""A call as the sandbox's REST API shows it."""

from typing import Any

from channels.sandbox.twilio_call import Call
from channels.sandbox.twilio_rest import API, instant


def resource_of(call: Call) -> dict[str, Any]:
    """The call as the REST API shows it."""
    path = f"{API}/Accounts/{call.account.sid}/Calls/{call.sid}"
    duration = call.duration_seconds
    return {
        "sid": call.sid,
        "account_sid": call.account.sid,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "group_sid": None,
        "trunk_sid": None,
        "to": call.asked.to,
        "to_formatted": call.asked.to,
        "from": call.asked.from_,
        "from_formatted": call.asked.from_,
        "status": call.status,
        "date_created": instant(call.created_at),
        "date_updated": instant(call.ended_at or call.answered_at or call.created_at),
        "start_time": instant(call.answered_at),
        "end_time": instant(call.ended_at),
        "duration": str(duration) if duration is not None else None,
        "price": None,
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": call.answered_by,
        "api_version": "2010-04-01",
        "forwarded_from": None,
        "caller_name": None,
        "queue_time": "0",
        "uri": f"{path}.json",
        "subresource_uris": {
            name: f"{path}/{name.title()}.json" for name in ("events", "notifications")
        },
    }
