//! Estates for the benchmark, made from a seed: WABAs with mostly regular names, and what system users hold on them by a few
//! true grants, with mistakes.

use std::collections::BTreeMap;

/// A generator of numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    fn chance(&mut self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }
}

/// A WABA of an estate.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) is_client: bool,
    customer: usize,
    region: usize,
    /// Hidden: in no name.
    is_gold: bool,
    is_pilot: bool,
}

/// An estate: WABAs, users, and tasks by (WABA, user). `mistakes` are the pairs that no true grant explains.
pub(crate) struct Estate {
    pub(crate) accounts: Vec<Account>,
    pub(crate) users: Vec<String>,
    pub(crate) held: BTreeMap<(usize, usize), Vec<&'static str>>,
    pub(crate) mistakes: Vec<(usize, usize)>,
    /// The number of assignments before mistakes were made.
    pub(crate) assignments: usize,
}

const REGIONS: [&str; 4] = ["eu", "us", "latam", "apac"];

/// The tasks of those who write templates.
const TEMPLATES: &[&str] = &["MANAGE_TEMPLATES", "VIEW_TEMPLATES"];

/// A true grant: users, tasks, and which WABAs.
type Grant = (Vec<usize>, &'static [&'static str], Box<dyn Fn(&Account) -> bool>);

/// Makes an estate of 20 users and 16 true grants. `noise` is the share of assignments that are wrong, in tenths of a percent.
pub(crate) fn tiers(wabas: usize, noise: usize, seed: u64) -> Estate {
    let mut random = Random::new(seed);
    let customers = (wabas / 25).max(8);
    let accounts = (0..wabas).map(|number| account(number, customers, &mut random)).collect();
    let users = [
        "monitoring",
        "ops-lead",
        "ops-night",
        "eu-bot",
        "eu-templates",
        "us-bot",
        "templates",
        "latam-bot",
        "apac-bot",
        "messenger",
        "inbox",
        "gold-ops",
        "gold-bot",
        "gold-desk",
        "billing",
        "beta-bot",
        "beta-ops",
        "sla-eu",
        "reporting",
        "customer-desk",
    ];
    let grants: Vec<Grant> = vec![
        (vec![0], &["VIEW_COST", "VIEW_INSIGHTS"], Box::new(|_| true)),
        (vec![1, 2], &["MANAGE"], Box::new(|waba| !waba.is_client)),
        (vec![3, 4, 6], TEMPLATES, Box::new(|waba| waba.region == 0)),
        (vec![5, 6], TEMPLATES, Box::new(|waba| waba.region == 1)),
        (vec![7], TEMPLATES, Box::new(|waba| waba.region >= 2)),
        (vec![8], TEMPLATES, Box::new(|waba| waba.region == 3)),
        (vec![9, 10], &["MESSAGING", "VIEW_PHONE_ASSETS"], Box::new(|waba| waba.is_client)),
        (vec![9, 10], &["MANAGE_PHONE_ASSETS"], Box::new(|_| true)),
        (vec![11, 12, 13], &["MANAGE"], Box::new(|waba| waba.is_gold)),
        (vec![14], &["MANAGE_BILLING", "VIEW_COST"], Box::new(|waba| waba.is_gold)),
        (vec![15, 16], &["DEVELOP", "MANAGE_EXTENSIONS"], Box::new(|waba| waba.is_pilot)),
        (
            vec![17],
            &["VIEW_PHONE_ASSETS", "VIEW_INSIGHTS"],
            Box::new(|waba| waba.is_gold && waba.region == 0),
        ),
        (vec![18], &["VIEW_COST"], Box::new(|waba| waba.region == 1 || waba.region == 2)),
        (vec![10], TEMPLATES, Box::new(|waba| waba.is_client && waba.region == 3)),
        (vec![19], &["MESSAGING"], Box::new(|waba| waba.customer < 6)),
        (vec![1, 14, 18], &["VIEW_INSIGHTS"], Box::new(|_| true)),
    ];
    make(accounts, users.map(String::from).to_vec(), &grants, noise, &mut random)
}

/// Makes an estate of customers and regions, with 50 users and 60 true grants.
pub(crate) fn customers(wabas: usize, noise: usize, seed: u64) -> Estate {
    const TASKS: [&[&str]; 6] = [
        &["MANAGE"],
        &["MESSAGING"],
        &["MANAGE_TEMPLATES", "VIEW_TEMPLATES"],
        &["VIEW_COST", "VIEW_INSIGHTS"],
        &["DEVELOP"],
        &["MANAGE_PHONE", "MANAGE_PHONE_ASSETS", "VIEW_PHONE_ASSETS"],
    ];
    let mut random = Random::new(seed);
    let customers = 40;
    let accounts = (0..wabas).map(|number| account(number, customers, &mut random)).collect();
    let users =
        (0..50).map(|user| format!("{}-{user:02}", ["agent", "bot", "desk", "sync"][user % 4])).collect();
    let mut grants: Vec<Grant> = Vec::new();
    for number in 0..60 {
        let holders = vec![number % 50, (number * 7 + 3) % 50];
        let tasks = TASKS[number % TASKS.len()];
        let (customer, region) = (random.below(customers), random.below(REGIONS.len()));
        let selects: Box<dyn Fn(&Account) -> bool> = match number % 4 {
            0 => Box::new(move |waba| waba.region == region),
            1 => {
                Box::new(move |waba| waba.customer == customer || waba.customer == (customer + 1) % customers)
            }
            2 => Box::new(move |waba| waba.customer == customer && waba.region == region),
            _ => Box::new(move |waba| waba.is_client && waba.region == region),
        };
        grants.push((holders, tasks, selects));
    }
    make(accounts, users, &grants, noise, &mut random)
}

fn make(
    accounts: Vec<Account>,
    users: Vec<String>,
    grants: &[Grant],
    noise: usize,
    random: &mut Random,
) -> Estate {
    let mut held: BTreeMap<(usize, usize), Vec<&'static str>> = BTreeMap::new();
    for (number, account) in accounts.iter().enumerate() {
        for (users, tasks, _) in grants.iter().filter(|(.., selects)| selects(account)) {
            for user in users {
                let tasks_held = held.entry((number, *user)).or_default();
                tasks_held.extend(tasks.iter().filter(|task| !tasks_held.contains(task)).collect::<Vec<_>>());
            }
        }
    }
    let assignments = held.len();
    let mistakes = mistakes(&mut held, accounts.len(), users.len(), noise, random);
    Estate { accounts, users, held, mistakes, assignments }
}

/// Takes away, adds and changes assignments, each a third of the mistakes.
fn mistakes(
    held: &mut BTreeMap<(usize, usize), Vec<&'static str>>,
    wabas: usize,
    users: usize,
    noise: usize,
    random: &mut Random,
) -> Vec<(usize, usize)> {
    const OTHER: [&[&str]; 4] =
        [&["MANAGE"], &["MESSAGING"], &["VIEW_COST"], &["MANAGE_TEMPLATES", "VIEW_TEMPLATES"]];
    let keys: Vec<(usize, usize)> = held.keys().copied().collect();
    let mut mistakes = std::collections::BTreeSet::new();
    while mistakes.len() < keys.len() * noise / 1000 {
        let key = match mistakes.len() % 3 {
            1 => (random.below(wabas), random.below(users)),
            _ => keys[random.below(keys.len())],
        };
        let tasks = OTHER[random.below(OTHER.len())];
        let is_held = held.contains_key(&key);
        if mistakes.contains(&key) || (mistakes.len() % 3 == 1) == is_held {
            continue;
        }
        match mistakes.len() % 3 {
            0 => drop(held.remove(&key)),
            _ if held.get(&key).is_some_and(|held| *held == tasks) => continue,
            _ => drop(held.insert(key, tasks.to_vec())),
        }
        mistakes.insert(key);
    }
    mistakes.into_iter().collect()
}

fn account(number: usize, customers: usize, random: &mut Random) -> Account {
    // Few customers have many WABAs.
    let customer = random.below(customers).min(random.below(customers));
    let region = [0, 0, 0, 1, 1, 2, 2, 3][random.below(8)];
    let (is_client, is_gold, is_pilot) = (random.chance(650), random.chance(80), random.chance(45));
    let name = name(number, customer, region, random);
    Account { name, is_client, customer, region, is_gold, is_pilot }
}

fn name(number: usize, customer: usize, region: usize, random: &mut Random) -> String {
    let company = format!("{}{}", syllable(customer), syllable(customer / 64 + customer % 7 + 3));
    let region = REGIONS[region];
    match random.below(1000) {
        // Irregular: no region, another order, other borders.
        0..8 => format!("{company} (old account {number})"),
        8..14 => format!("WhatsApp {number}"),
        14..40 => format!("{company}_{region}_{number:03}"),
        _ => format!("{company}-{region}-{number:03}"),
    }
}

/// Returns a syllable for a number.
fn syllable(number: usize) -> String {
    let consonant =
        ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br"][number % 16];
    let vowel = ["a", "e", "i", "o"][number / 16 % 4];
    format!("{consonant}{vowel}{}", ["n", "l", "r", "x", ""][number % 5])
}
