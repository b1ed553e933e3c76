"""Uses Meta's own SDK, unchanged but for its base URL, as wabacl uses the API: lists, pages, nested fields, writes,
batches, errors.

Reads WABACL_SDK_URL, WABACL_SDK_TOKEN, WABACL_SDK_BUSINESS, WABACL_SDK_WABA (with assigned users), WABACL_SDK_EMPTY (a
WABA without) and WABACL_SDK_USER (not assigned at first) from the environment. Prints the results as one JSON object,
the same as assignments.mjs.
"""

import json
import os

from facebook_business.adobjects.business import Business
from facebook_business.adobjects.whatsappbusinessaccount import WhatsAppBusinessAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

FacebookSession.GRAPH = os.environ["WABACL_SDK_URL"]
BUSINESS = os.environ["WABACL_SDK_BUSINESS"]
USER = os.environ["WABACL_SDK_USER"]
FIELDS = ["id", "tasks"]
api = FacebookAdsApi.init(access_token=os.environ["WABACL_SDK_TOKEN"], crash_log=False)
business = Business(BUSINESS)
waba = WhatsAppBusinessAccount(os.environ["WABACL_SDK_WABA"])
empty = WhatsAppBusinessAccount(os.environ["WABACL_SDK_EMPTY"])


def rows(**params):
    """Returns the tasks of each user on the WABA, from all pages."""
    cursor = waba.get_assigned_users(fields=FIELDS, params={"business": BUSINESS, **params})
    return {row["id"]: row["tasks"] for row in cursor}


def describe(failure):
    """Returns status, code, subcode, is_transient and message of an error of the SDK's own type."""
    assert isinstance(failure, FacebookRequestError), failure
    return [
        failure.http_status(),
        failure.api_error_code(),
        failure.api_error_subcode(),
        bool(failure.api_transient_error()),
        failure.api_error_message(),
    ]


def error(call):
    """Returns the error that a call raises."""
    try:
        call()
    except FacebookRequestError as failure:
        return describe(failure)
    return None


def nested():
    """Counts the users on each WABA: nested lists, continued on the edge where they are longer than a page."""
    asked = f"assigned_users.business({BUSINESS}).limit(100){{id,tasks}}"
    counts = {}
    for node in business.get_owned_whats_app_business_accounts(fields=["id", asked], params={"limit": 1}):
        holders = node.export_all_data().get("assigned_users")
        if holders is None:
            counts[node["id"]] = None
            continue
        counts[node["id"]] = len(holders["data"])
        if "next" in holders["paging"]:
            counts[node["id"]] += len(rows(limit=100, after=holders["paging"]["cursors"]["after"]))
    return counts


def batch():
    """Reads and writes in a batch, and repeats the items without a response."""
    seen = {"rounds": 0, "failures": []}
    calls = api.new_batch()

    def keep(name):
        def success(response):
            seen[name] = len(response.json()["data"]) if "data" in response.json() else response.json()["success"]

        return {"success": success, "failure": lambda response: seen["failures"].append(describe(response.error()))}

    params = {"business": BUSINESS, "limit": 100}
    other = os.environ["WABACL_SDK_OTHER"]
    waba.get_assigned_users(fields=FIELDS, params=params, batch=calls, **keep("read"))
    empty.get_assigned_users(fields=FIELDS, params=params, batch=calls, **keep("read_empty"))
    empty.create_assigned_user(params={"user": USER, "tasks": ["DEVELOP"]}, batch=calls, **keep("created"))
    waba.delete_assigned_users(params={"user": other}, batch=calls, **keep("deleted"))
    waba.create_assigned_user(params={"user": USER, "tasks": ["FLY"]}, batch=calls, **keep("wrong"))
    while calls is not None:
        calls = calls.execute()
        seen["rounds"] += 1
    return seen


seen = {"at_first": len(rows(limit=100)), "by_default_pages": len(rows()), "nested": nested()}
waba.create_assigned_user(params={"user": USER, "tasks": ["DEVELOP", "VIEW_COST"]})
seen["created"] = rows()[USER]
waba.create_assigned_user(params={"user": USER, "tasks": ["MANAGE_TEMPLATES"]})
seen["replaced"] = rows()[USER]
waba.delete_assigned_users(params={"user": USER})
seen["deleted"] = USER not in rows()
seen["no_business"] = error(waba.get_assigned_users)
seen["unknown_task"] = error(lambda: waba.create_assigned_user(params={"user": USER, "tasks": ["FLY"]}))
seen["transient"] = error(business.get_system_users)
seen["batch"] = batch()
print(json.dumps(seen))
