// Does the same as onboarding.py with Meta's SDK for Node.js, and prints the same.
// WABACL_NODE_MODULES is the folder that contains the package.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.WABACL_NODE_MODULES, "/"));
const { Business, FacebookAdsApi, SystemUser, User, WhatsAppBusinessAccount } = require("facebook-nodejs-business-sdk");

Object.defineProperty(FacebookAdsApi, "GRAPH", { get: () => process.env.WABACL_SDK_URL });
const ABOUT = ["account_review_status", "business_verification_status", "country", "currency", "status", "timezone_id"];
FacebookAdsApi.init(process.env.WABACL_SDK_TOKEN, "en_US", false);
const business = new Business(process.env.WABACL_SDK_BUSINESS);
const waba = new WhatsAppBusinessAccount(process.env.WABACL_SDK_WABA);

// Returns the ids of the apps that are subscribed to the WABA.
async function apps() {
  return (await waba.getSubscribedApps([])).map((row) => row._data.whatsapp_business_api_data.id);
}

// Returns status and code of a call that the emulator does not play.
async function notPlayed() {
  try {
    await waba.getMessageTemplates([]);
  } catch (failure) {
    if (failure.name !== "FacebookRequestError") throw failure;
    return [failure.status, (failure.response.error ?? failure.response).code];
  }
  return null;
}

const names = (rows) => rows.map((row) => row._data.name);
const seen = { businesses: names(await new User("me").getBusinesses(["id", "name"])) };
seen.people = names(await business.getBusinessUsers(["id", "name"]));
const user = (await business.createSystemUser([], { name: "new bot", role: "EMPLOYEE" })).id;
const node = await new SystemUser(user).get(["id", "name", "role"]);
seen.created = [node._data.name, node._data.role];
const about = await waba.get(ABOUT);
seen.about = Object.fromEntries(ABOUT.map((field) => [field, about._data[field]]));
seen.phones = (await waba.getPhoneNumbers([])).map((row) => row._data.display_phone_number);
await waba.createSubscribedApp([]);
seen.subscribed = await apps();
await waba.deleteSubscribedApps();
seen.unsubscribed = await apps();
await waba.createAssignedUser([], { user, tasks: ["DEVELOP"] });
seen.assigned = (await new SystemUser(user).getAssignedWhatsAppBusinessAccounts(["id"])).map((row) => row.id);
seen.not_played = await notPlayed();
console.log(JSON.stringify(seen));
