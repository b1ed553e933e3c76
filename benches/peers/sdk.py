"""What in-house scripts do with Meta's own SDK, for scale: reads who holds what on every WABA, or writes.

    sdk.py one | threads | batches      lists the WABAs, then reads each: one request after the other, by ten
                                        threads, or by the SDK's batches of fifty, one after the other
    sdk.py write FILE                   only writes, by ten threads: FILE holds [WABA, user, tasks] triples

Takes WABACL_PEER_URL, WABACL_PEER_TOKEN and WABACL_PEER_BUSINESS from the environment. Prints the WABAs, the
assignments, the calls, the requests, and the seconds that they took (without the start of Python and the import of
the SDK).
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from facebook_business.adobjects.business import Business
from facebook_business.adobjects.whatsappbusinessaccount import WhatsAppBusinessAccount
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

FacebookSession.GRAPH = os.environ["WABACL_PEER_URL"]
BUSINESS = os.environ["WABACL_PEER_BUSINESS"]
THREADS = 10
BATCH = 50
WANTED = {"fields": ["id", "tasks"], "params": {"business": BUSINESS, "limit": 100}}

api = FacebookAdsApi.init(access_token=os.environ["WABACL_PEER_TOKEN"], crash_log=False)
held = {}
calls = 0


def wabas():
    every = {"fields": ["id", "name"], "params": {"limit": 100}}
    business = Business(BUSINESS)
    owned = [row["id"] for row in business.get_owned_whats_app_business_accounts(**every)]
    return owned + [row["id"] for row in business.get_client_whats_app_business_accounts(**every)]


def read(waba):
    for row in WhatsAppBusinessAccount(waba).get_assigned_users(**WANTED):
        held[waba, row["id"]] = row["tasks"]


def one(ids):
    for waba in ids:
        read(waba)


def threads(ids):
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(read, ids))


def batches(ids):
    for start in range(0, len(ids), BATCH):
        batch = api.new_batch()
        for waba in ids[start : start + BATCH]:
            WhatsAppBusinessAccount(waba).get_assigned_users(batch=batch, success=keep(waba), failure=fail, **WANTED)
        while batch:
            batch = batch.execute()


def keep(waba):
    def success(response):
        for row in response.json()["data"]:
            held[waba, row["id"]] = row["tasks"]

    return success


def fail(response):
    raise response.error()


def write(changes):
    def change(entry):
        waba, user, tasks = entry
        WhatsAppBusinessAccount(waba).create_assigned_user(params={"user": user, "tasks": tasks})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(change, changes))


how = sys.argv[1]
if how == "write":
    with open(sys.argv[2], encoding="utf-8") as file:
        everything = json.load(file)
    start = time.perf_counter()
    write(everything)
else:
    start = time.perf_counter()
    everything = wabas()
    {"one": one, "threads": threads, "batches": batches}[how](everything)
seconds = time.perf_counter() - start
requests = api.get_num_requests_attempted()
calls = requests
if how == "batches":
    # Each item of a batch is a call.
    calls += len(everything) - -(-len(everything) // BATCH)
print(len(everything), len(held), calls, requests, seconds)
