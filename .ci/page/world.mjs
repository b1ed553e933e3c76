// Writes a manifest and a live state of any size. About one assignment in twenty differs between them.
//
//   node world.mjs WABAS FOLDER              ordinary names
//   node world.mjs WABAS FOLDER --hostile    names that contain markup, scripts or workflow commands
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [wabas, folder, hostile] = [Number(process.argv[2]), process.argv[3], process.argv[4] === "--hostile"];
const business = "9876543210987654";
const userId = (user) => String(1972385000000000 + user);
const wabaId = (waba) => String(102290000000000 + waba);

const USERS = [
  ["Ops Lead", ["MANAGE"]],
  ["deploy-bot", ["MANAGE_TEMPLATES", "VIEW_TEMPLATES", "VIEW_COST"]],
  ["campaign-sender", ["MESSAGING"]],
  ["Reporting (prod)", ["VIEW_COST", "VIEW_INSIGHTS"]],
  ["support-desk", ["MESSAGING", "VIEW_PHONE_ASSETS"]],
  ["billing-export", ["MANAGE_BILLING", "VIEW_COST"]],
  ["phone-provisioning", ["MANAGE_PHONE", "MANAGE_PHONE_ASSETS"]],
  ["crm-connector-europe", ["DEVELOP", "MESSAGING"]],
  ["crm-connector-americas", ["DEVELOP", "MESSAGING"]],
  ["template-review", ["VIEW_TEMPLATES"]],
  ["Order notifications", ["MESSAGING"]],
  ["fraud-watch", ["VIEW_INSIGHTS"]],
  ["onboarding", ["MANAGE_PHONE", "MANAGE_USERS"]],
  ["Localisation team", ["MANAGE_TEMPLATES", "VIEW_TEMPLATES"]],
  ["flows-editor", ["MANAGE_EXTENSIONS"]],
  ["inbound-router", ["RECEIVE_INCOMING_MESSAGES"]],
  ["quality-rating", ["VIEW_PHONE_ASSETS", "VIEW_INSIGHTS"]],
  ["data-warehouse-nightly", ["VIEW_COST", "VIEW_INSIGHTS", "VIEW_TEMPLATES"]],
  ["agency-northwind", ["MANAGE_TEMPLATES", "VIEW_TEMPLATES", "VIEW_INSIGHTS"]],
  ["break-glass", ["FULL_CONTROL"]],
];
const BRANDS = ["Acme", "Globex", "Initech", "Umbra", "Hooli", "Vandelay", "Stark", "Wonka", "Tyrell", "Cyberdyne"];
const PLACES = ["Europe", "US", "Brasil", "India", "México", "Deutschland", "Indonesia", "Türkiye", "日本", "South Africa"];
const USES = ["", " Support", " Marketing", " Orders", " Deliveries", " Care", " Alerts", " Returns", " Loyalty", " Stores"];
const HOSTILE = [
  "<script>window.hacked=1</script>", "\"><img src=x onerror=window.hacked=1>", "</script><svg onload=window.hacked=1>",
  "' onfocus='window.hacked=1' autofocus='", "</table></style><iframe src=javascript:window.hacked=1>", "&lt;b&gt;&amp;",
  "javascript:window.hacked=1", "\u202egnp.exe\u2066", "<!-- ", "]]><x>", "::error::x", "a\u0000b\u001b[31m\u0007",
];
const named = (name, at) => (hostile ? `${HOSTILE[at % HOSTILE.length]} ${name}` : name);
const quoted = (text) => JSON.stringify(text);
const userName = (user) => named(USERS[user][0], user);
const wabaName = (waba) => {
  const brand = BRANDS[waba % 10], place = PLACES[Math.floor(waba / 10) % 10], use = USES[Math.floor(waba / 100) % 10];
  const round = waba < 1000 ? "" : ` ${1 + Math.floor(waba / 1000)}`;
  return named(`${brand} ${place}${use}${round}`, waba);
};

// The share of the WABAs that each user has, in thousandths (a guess at a large business). A hash selects
// them, and every run writes the same files.
const hash = (a, b) => ((Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b)) >>> 8) % 1000;
const share = (user) => [990, 900, 850, 950, 420, 300, 250, 380, 370, 500, 610, 330, 120, 440, 160, 280, 350, 900, 90, 15][user];
const desired = (waba, user) => (hash(waba, user) < share(user) ? USERS[user][1] : []);
function live(waba, user) {
  const tasks = desired(waba, user), roll = hash(waba + 5000, user + 50);
  if (roll >= 50) return tasks;
  if (tasks.length === 0) return roll < 25 ? ["MESSAGING"] : [];
  if (roll < 12) return [];
  if (roll < 30) return [...new Set([...tasks, "VIEW_PHONE_ASSETS", "DEVELOP"])];
  return tasks.length > 1 ? tasks.slice(1) : [...tasks, "VIEW_COST"];
}

const manifest = ["version: 1", `business: ${business}`, "system_users:"];
const state = [`businesses:`, `  - id: ${business}`, "    name: Northwind", "    system_users:"];
state.push("      - { id: 1972384000000000, name: CI Admin, role: ADMIN, listed: false }");
// An admin whose access comes by its role, and a user that no manifest declares.
state.push("      - { id: 1972384000000001, name: root-admin, role: ADMIN, listed: false }");
state.push("      - { id: 1972386000000000, name: legacy-import }");
manifest.push("  root-admin: { id: 1972384000000001, by_role: true }");
USERS.forEach((_, user) => {
  manifest.push(`  ${quoted(userName(user))}: { id: ${userId(user)} }`);
  state.push(`      - { id: ${userId(user)}, name: ${quoted(userName(user))} }`);
});
manifest.push("wabas:");
state.push("wabas:");
for (let waba = 0; waba < wabas; waba += 1) {
  manifest.push(`  ${quoted(wabaName(waba))}: { id: ${wabaId(waba)} }`);
  state.push(`  - id: ${wabaId(waba)}`, `    name: ${quoted(wabaName(waba))}`, `    owned_by: ${business}`, "    assigned:");
  if (waba % 7 === 0) state.push("      - { user: 1972386000000000, tasks: [VIEW_COST] }");
  USERS.forEach((_, user) => {
    const tasks = live(waba, user);
    if (tasks.length > 0) state.push(`      - { user: ${userId(user)}, tasks: [${tasks}] }`);
  });
}
manifest.push("grants:");
USERS.forEach(([name, tasks], user) => {
  const on = [];
  for (let waba = 0; waba < wabas; waba += 1) if (desired(waba, user).length > 0) on.push(quoted(wabaName(waba)));
  if (on.length === 0) return;
  manifest.push(`  - name: ${quoted(named(name, user + 3))}`, `    users: [${quoted(userName(user))}]`, `    tasks: [${tasks}]`);
  manifest.push(`    wabas: [${on}]`, `    reason: ${quoted(named(`OPS-${1200 + user}`, user + 5))}`);
});
mkdirSync(join(folder, "access"), { recursive: true });
writeFileSync(join(folder, "access/access.yaml"), `${manifest.join("\n")}\n`);
writeFileSync(join(folder, "live.yaml"), `${state.join("\n")}\n`);
