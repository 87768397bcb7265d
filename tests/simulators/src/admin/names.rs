//! The words that generated records are made of.

pub(super) struct Country {
    pub(super) name: &'static str,
    pub(super) domain: &'static str,
    pub(super) dial: &'static str,
    /// State or province, and a city in it.
    pub(super) places: &'static [(&'static str, &'static str)],
    pub(super) first: &'static [&'static str],
    pub(super) last: &'static [&'static str],
}

pub(super) const UNITED_STATES: Country = Country {
    name: "United States",
    domain: "com",
    dial: "+1 555",
    places: &[
        ("CA", "San Francisco"),
        ("CA", "San Diego"),
        ("NY", "New York"),
        ("TX", "Austin"),
        ("WA", "Seattle"),
        ("IL", "Chicago"),
        ("MA", "Boston"),
        ("GA", "Atlanta"),
        ("CO", "Denver"),
    ],
    first: &[
        "Olivia", "Marcus", "Ava", "Jordan", "Grace", "Tyler", "Naomi", "Caleb", "Ruth",
    ],
    last: &[
        "Johnson", "Ramirez", "Walker", "Nguyen", "Brooks", "O'Brien", "Fischer", "Patel",
    ],
};

/// The first ones come more often than the rest: see the generator.
pub(super) const COUNTRIES: &[Country] = &[
    UNITED_STATES,
    Country {
        name: "Germany",
        domain: "de",
        dial: "+49 30",
        places: &[
            ("Berlin", "Berlin"),
            ("Bayern", "München"),
            ("Hamburg", "Hamburg"),
            ("Hessen", "Frankfurt am Main"),
            ("Sachsen", "Leipzig"),
        ],
        first: &[
            "Jürgen",
            "Anneliese",
            "Matthias",
            "Sabine",
            "Uwe",
            "Käthe",
            "Lars",
        ],
        last: &[
            "Müller",
            "Schäfer",
            "Weiß",
            "Hoffmann",
            "Groß",
            "von Arnim",
            "Krüger",
        ],
    },
    Country {
        name: "United Kingdom",
        domain: "co.uk",
        dial: "+44 20",
        places: &[
            ("England", "London"),
            ("England", "Leeds"),
            ("Scotland", "Edinburgh"),
        ],
        first: &["Harriet", "Alistair", "Imogen", "Callum", "Priya", "Rhys"],
        last: &[
            "Ashworth",
            "MacLeod",
            "Okafor",
            "Davies",
            "Smith-Jones",
            "Khan",
        ],
    },
    Country {
        name: "France",
        domain: "fr",
        dial: "+33 1",
        places: &[
            ("Île-de-France", "Paris"),
            ("Rhône", "Lyon"),
            ("Gironde", "Bordeaux"),
        ],
        first: &["Élodie", "François", "Camille", "Benoît", "Zoé", "Loïc"],
        last: &["Lefèvre", "D'Aubigné", "Moreau", "Garçon", "Roux"],
    },
    Country {
        name: "Japan",
        domain: "jp",
        dial: "+81 3",
        places: &[
            ("Tokyo", "Shibuya"),
            ("Osaka", "Osaka"),
            ("Aichi", "Nagoya"),
        ],
        first: &["陽菜", "Kenji", "さくら", "Haruto", "美咲"],
        last: &["佐藤", "Tanaka", "鈴木", "Yamamoto", "高橋"],
    },
    Country {
        name: "India",
        domain: "in",
        dial: "+91 22",
        places: &[
            ("Maharashtra", "Mumbai"),
            ("Karnataka", "Bengaluru"),
            ("Delhi", "New Delhi"),
        ],
        first: &["Aarav", "Ishita", "Rohan", "Meera", "Vikram"],
        last: &["Sharma", "Iyer", "Chatterjee", "Singh", "Menon"],
    },
    Country {
        name: "Brazil",
        domain: "com.br",
        dial: "+55 11",
        places: &[
            ("SP", "São Paulo"),
            ("RJ", "Rio de Janeiro"),
            ("BA", "Salvador"),
        ],
        first: &["João", "Conceição", "Thiago", "Luíza"],
        last: &["da Silva", "Gonçalves", "Araújo", "dos Santos"],
    },
    Country {
        name: "Poland",
        domain: "pl",
        dial: "+48 22",
        places: &[("Mazowieckie", "Warszawa"), ("Małopolskie", "Kraków")],
        first: &["Łukasz", "Agnieszka", "Paweł", "Żaneta"],
        last: &["Wiśniewski", "Dąbrowska", "Żak", "Nowak"],
    },
    Country {
        name: "United Arab Emirates",
        domain: "ae",
        dial: "+971 4",
        places: &[("Dubai", "Dubai"), ("Abu Dhabi", "Abu Dhabi")],
        first: &["فاطمة", "Omar", "Layla", "محمد"],
        last: &["الهاشمي", "Al Maktoum", "Haddad", "النعيمي"],
    },
];

pub(super) const COMPANY_FIRST: &[&str] = &[
    "Northwind",
    "Blue Harbor",
    "Quantum",
    "Summit",
    "Evergreen",
    "Ironbridge",
    "Lumen",
    "Redwood",
    "Alpine",
    "Cobalt",
    "Meridian",
    "Falcon",
    "Orchard",
    "Beacon",
    "Granite",
    "Silverline",
    "Copper Kettle",
    "Atlas",
    "Juniper",
    "Driftwood",
];

pub(super) const COMPANY_LAST: &[&str] = &[
    "Logistics",
    "Analytics",
    "Foods",
    "Robotics",
    "Health",
    "Energy",
    "Textiles",
    "Partners",
    "Systems",
    "Media",
    "Capital",
    "Labs",
    "Shipping",
    "Materials",
    "Insurance",
    "Studios",
];

pub(super) const TITLES: &[&str] = &[
    "VP Sales",
    "Head of Operations",
    "CTO",
    "Procurement Manager",
    "Marketing Director",
    "Founder & CEO",
    "IT Manager",
    "Revenue Operations Lead",
    "Buyer",
];

pub(super) const PERSONAL_DOMAINS: &[&str] = &["mail.example", "home.example", "post.example"];

pub(super) const DEPARTMENTS: &[&str] = &["Sales", "Marketing", "Operations", "Finance", "IT"];

/// Last names that break what does not escape: markup, quotes, wildcards, direction marks, joined
/// emoji, combining marks, and a formula.
pub(super) const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "O'Reilly\\",
    "x' OR Name != '",
    "100%_sure",
    "\u{202e}gnirts desrever",
    "👩‍👩‍👧‍👦 Family",
    "Z̸̢̛a̷l̴g̵o̶",
    "=HYPERLINK(\"https://evil.example\")",
    "{{7*7}} ${jndi}",
    "Robert'); DROP TABLE leads;--",
    "नमस्ते \u{200d} दुनिया",
    "&quot;&lt;b&gt;",
    "\u{feff}BOM",
];
