"""Onboards a customer with Meta's own SDK, unchanged but for its base URL: a new system user, a shared WABA, its app and
its phone numbers, access.

Reads WABACL_SDK_URL, WABACL_SDK_TOKEN, WABACL_SDK_BUSINESS and WABACL_SDK_WABA from the environment. Prints the results
as one JSON object, the same as onboarding.mjs.
"""

import json
import os

from facebook_business.adobjects.business import Business
from facebook_business.adobjects.systemuser import SystemUser
from facebook_business.adobjects.user import User
from facebook_business.adobjects.whatsappbusinessaccount import WhatsAppBusinessAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

FacebookSession.GRAPH = os.environ["WABACL_SDK_URL"]
BUSINESS = os.environ["WABACL_SDK_BUSINESS"]
ABOUT = ["account_review_status", "business_verification_status", "country", "currency", "status", "timezone_id"]
FacebookAdsApi.init(access_token=os.environ["WABACL_SDK_TOKEN"], crash_log=False)
business = Business(BUSINESS)
waba = WhatsAppBusinessAccount(os.environ["WABACL_SDK_WABA"])


def apps():
    """Returns the ids of the apps that are subscribed to the WABA."""
    rows = [row.export_all_data() for row in waba.get_subscribed_apps()]
    return [row["whatsapp_business_api_data"]["id"] for row in rows]


def not_played():
    """Returns status and code of a call that the emulator does not play."""
    try:
        waba.get_message_templates()
    except FacebookRequestError as failure:
        return [failure.http_status(), failure.api_error_code()]
    return None


seen = {"businesses": [row["name"] for row in User("me").get_businesses(fields=["id", "name"])]}
seen["people"] = [row["name"] for row in business.get_business_users(fields=["id", "name"])]
user = business.create_system_user(params={"name": "new bot", "role": "EMPLOYEE"})["id"]
node = SystemUser(user).api_get(fields=["id", "name", "role"])
seen["created"] = [node["name"], node["role"]]
about = waba.api_get(fields=ABOUT)
seen["about"] = {field: about[field] for field in ABOUT}
seen["phones"] = [row["display_phone_number"] for row in waba.get_phone_numbers()]
waba.create_subscribed_app()
seen["subscribed"] = apps()
waba.delete_subscribed_apps()
seen["unsubscribed"] = apps()
waba.create_assigned_user(params={"user": user, "tasks": ["DEVELOP"]})
mine = SystemUser(user).get_assigned_whats_app_business_accounts(fields=["id"])
seen["assigned"] = [row["id"] for row in mine]
seen["not_played"] = not_played()
print(json.dumps(seen))
