"""Reads who holds what on every WABA of a business with Meta's own SDK, one request after the other.

What most in-house scripts do, for scale. Takes WABACL_PEER_URL, WABACL_PEER_TOKEN and WABACL_PEER_BUSINESS from
the environment. Prints the WABAs, the assignments, the calls, and the seconds that they took (without the start
of Python and the import of the SDK).
"""

import os
import time

from facebook_business.adobjects.business import Business
from facebook_business.adobjects.whatsappbusinessaccount import WhatsAppBusinessAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

FacebookSession.GRAPH = os.environ["WABACL_PEER_URL"]
BUSINESS = os.environ["WABACL_PEER_BUSINESS"]
api = FacebookAdsApi.init(access_token=os.environ["WABACL_PEER_TOKEN"], crash_log=False)

start = time.perf_counter()
business = Business(BUSINESS)
every = {"fields": ["id", "name"], "params": {"limit": 100}}
wabas = [row["id"] for row in business.get_owned_whats_app_business_accounts(**every)]
wabas += [row["id"] for row in business.get_client_whats_app_business_accounts(**every)]
held = {}
for waba in wabas:
    rows = WhatsAppBusinessAccount(waba).get_assigned_users(
        fields=["id", "tasks"], params={"business": BUSINESS, "limit": 100}
    )
    for row in rows:
        held[waba, row["id"]] = row["tasks"]
seconds = time.perf_counter() - start
print(len(wabas), len(held), api.get_num_requests_attempted(), seconds)
