"""Uses pywa, a client of WhatsApp's API that others wrote, unchanged: WABAs, their fields, phone numbers, an error.

pywa sets the base URL of the session that it is given, and takes no other. So the session's base URL is changed
afterwards. Reads WABACL_SDK_URL, WABACL_SDK_TOKEN, WABACL_SDK_BUSINESS and WABACL_SDK_WABA from the environment. Prints
the results as one JSON object.
"""

import json
import os

import httpx
from pywa import WhatsApp
from pywa.errors import WhatsAppError

session = httpx.Client(trust_env=False)
wa = WhatsApp(
    token=os.environ["WABACL_SDK_TOKEN"],
    session=session,
    waba_id=os.environ["WABACL_SDK_WABA"],
    business_portfolio_id=os.environ["WABACL_SDK_BUSINESS"],
    api_version="25.0",
)
session.base_url = f"{os.environ['WABACL_SDK_URL']}/v25.0"


def not_played():
    """Returns the code of a call that the emulator does not play."""
    try:
        wa.get_templates()
    except WhatsAppError as failure:
        return failure.code
    return None


waba = wa.get_business_account()
seen = {
    "shared": [row.name for row in wa.get_shared_business_accounts()],
    "owned": [row.name for row in wa.get_owned_business_accounts()],
    "about": [waba.name, waba.currency, waba.status, waba.account_review_status, waba.country],
    "apps": [app.id for app in waba.subscribed_apps],
    "phones": [row.display_phone_number for row in wa.get_business_phone_numbers()],
    "not_played": not_played(),
}
print(json.dumps(seen))
