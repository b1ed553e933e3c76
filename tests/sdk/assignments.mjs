// Does the same as assignments.py with Meta's SDK for Node.js, and prints the same.
// WABACL_NODE_MODULES is the folder that contains the package.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.WABACL_NODE_MODULES, "/"));
const { Business, FacebookAdsApi, FacebookAdsApiBatch, WhatsAppBusinessAccount } = require("facebook-nodejs-business-sdk");

Object.defineProperty(FacebookAdsApi, "GRAPH", { get: () => process.env.WABACL_SDK_URL });
const BUSINESS = process.env.WABACL_SDK_BUSINESS;
const USER = process.env.WABACL_SDK_USER;
const FIELDS = ["id", "tasks"];
const api = FacebookAdsApi.init(process.env.WABACL_SDK_TOKEN, "en_US", false);
const business = new Business(BUSINESS);
const waba = new WhatsAppBusinessAccount(process.env.WABACL_SDK_WABA);
const empty = new WhatsAppBusinessAccount(process.env.WABACL_SDK_EMPTY);

// Returns the rows of all pages.
async function all(cursor) {
  const found = [...cursor];
  while (cursor.hasNext()) {
    cursor = await cursor.next();
    found.push(...cursor);
  }
  return found;
}

// Returns the tasks of each user on the WABA.
async function rows(params = {}) {
  const found = await all(await waba.getAssignedUsers(FIELDS, { business: BUSINESS, ...params }));
  return Object.fromEntries(found.map((row) => [row.id, row._data.tasks]));
}

const count = async (params) => Object.keys(await rows(params)).length;

// Returns status, code, subcode, is_transient and message of an error of the SDK's own type.
function describe(failure) {
  if (failure.name !== "FacebookRequestError") throw failure;
  const error = failure.response.error ?? failure.response;
  return [failure.status, error.code, error.error_subcode ?? null, error.is_transient ?? false, failure.message];
}

async function error(call) {
  try {
    await call();
  } catch (failure) {
    return describe(failure);
  }
  return null;
}

// Counts the users on each WABA: nested lists, continued on the edge where they are longer than a page.
async function nested() {
  const asked = `assigned_users.business(${BUSINESS}).limit(100){id,tasks}`;
  const counts = {};
  for (const node of await all(await business.getOwnedWhatsAppBusinessAccounts(["id", asked], { limit: 1 }))) {
    const holders = node._data.assigned_users;
    counts[node.id] = holders === undefined ? null : holders.data.length;
    if (holders?.paging.next !== undefined) {
      counts[node.id] += await count({ limit: 100, after: holders.paging.cursors.after });
    }
  }
  return counts;
}

// Reads and writes in a batch, and repeats the items without a response.
async function batch() {
  const seen = { rounds: 0, failures: [] };
  let calls = new FacebookAdsApiBatch(api);
  const add = (name, method, id, params) =>
    calls.add(
      method,
      [id, "assigned_users"],
      params,
      undefined,
      (response) => (seen[name] = response.body.data?.length ?? response.body.success),
      (response) => seen.failures.push(describe(response.error)),
    );
  const read = { business: BUSINESS, limit: 100, fields: FIELDS.join() };
  add("read", "GET", waba.id, read);
  add("read_empty", "GET", empty.id, read);
  add("created", "POST", empty.id, { user: USER, tasks: ["DEVELOP"] });
  add("deleted", "DELETE", waba.id, { user: process.env.WABACL_SDK_OTHER });
  add("wrong", "POST", waba.id, { user: USER, tasks: ["FLY"] });
  while (calls !== undefined && calls !== null) {
    calls = await calls.execute();
    seen.rounds += 1;
  }
  return seen;
}

const seen = { at_first: await count({ limit: 100 }), by_default_pages: await count(), nested: await nested() };
await waba.createAssignedUser([], { user: USER, tasks: ["DEVELOP", "VIEW_COST"] });
seen.created = (await rows())[USER];
await waba.createAssignedUser([], { user: USER, tasks: ["MANAGE_TEMPLATES"] });
seen.replaced = (await rows())[USER];
await waba.deleteAssignedUsers({ user: USER });
seen.deleted = !(USER in (await rows()));
seen.no_business = await error(() => waba.getAssignedUsers([]));
seen.unknown_task = await error(() => waba.createAssignedUser([], { user: USER, tasks: ["FLY"] }));
seen.transient = await error(() => business.getSystemUsers([]));
seen.batch = await batch();
console.log(JSON.stringify(seen));
