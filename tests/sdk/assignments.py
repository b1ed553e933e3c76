"""Lists, creates and deletes assignments with Meta's own SDK, unchanged but for its base URL.

Takes WABACL_SDK_URL, WABACL_SDK_TOKEN, WABACL_SDK_BUSINESS, WABACL_SDK_WABA and WABACL_SDK_USER from the
environment. The user holds nothing at first. Prints what it saw as one JSON object.
"""

import json
import os

from facebook_business.adobjects.whatsappbusinessaccount import WhatsAppBusinessAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

FacebookSession.GRAPH = os.environ["WABACL_SDK_URL"]
BUSINESS = os.environ["WABACL_SDK_BUSINESS"]
USER = os.environ["WABACL_SDK_USER"]
FacebookAdsApi.init(access_token=os.environ["WABACL_SDK_TOKEN"], crash_log=False)
waba = WhatsAppBusinessAccount(os.environ["WABACL_SDK_WABA"])


def rows(**params):
    """Gives the tasks of each user on the WABA, through every page."""
    cursor = waba.get_assigned_users(fields=["id", "tasks"], params={"business": BUSINESS, **params})
    return {row["id"]: row["tasks"] for row in cursor}


def error(call):
    """Gives status, code and message of the error that a call ends with."""
    try:
        call()
    except FacebookRequestError as failure:
        return [failure.http_status(), failure.api_error_code(), failure.api_error_message()]
    return None


seen = {"at_first": len(rows(limit=100)), "by_default_pages": len(rows())}
waba.create_assigned_user(params={"user": USER, "tasks": ["DEVELOP", "VIEW_COST"]})
seen["created"] = rows()[USER]
waba.create_assigned_user(params={"user": USER, "tasks": ["MANAGE_TEMPLATES"]})
seen["replaced"] = rows()[USER]
waba.delete_assigned_users(params={"user": USER})
seen["deleted"] = USER not in rows()
seen["no_business"] = error(waba.get_assigned_users)
seen["unknown_task"] = error(lambda: waba.create_assigned_user(params={"user": USER, "tasks": ["FLY"]}))
print(json.dumps(seen))
