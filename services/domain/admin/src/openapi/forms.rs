//! What the parsers ask of texts and numbers beyond their type, as JSON Schema says it. A test
//! holds each against the parser it is of.

use serde_json::{Map, Value, json};

/// What a text or a number has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// What fits is taken, and nothing else is.
    Text(&'static str),
    /// Nothing else is taken, and not all that fits.
    Outline(&'static str),
    /// So many characters, from and to.
    Length(u32, u32),
    /// From and to.
    Range(u64, u64),
}

/// A type, a field of it, and what that has to be; of a list, what each in it has to be.
pub(crate) type FieldForm = (&'static str, &'static str, Form);

pub(crate) const FORMS: &[FieldForm] = &[
    ("NewExtension", "number", NUMBER),
    ("NewExtension", "display_name", DISPLAY_NAME),
    ("ExtensionChanges", "display_name", DISPLAY_NAME),
    ("Account", "login", Form::Text("^[a-z][a-z0-9._-]{0,31}$")),
    ("Account", "extensions", NUMBER),
    ("Whose", "extension", NUMBER),
    ("Whose", "group", NUMBER),
    ("ExtensionSettings", "caller_id", PHONE_OR_NONE),
    ("ExtensionSettings", "contacts_max", Form::Range(1, 10)),
    (
        "ExtensionSettings",
        "duration_max_secs",
        Form::Range(60, 86_400),
    ),
    ("ExtensionSettings", "networks", NETWORK),
    ("ExtensionSettings", "pickup_group", Form::Length(0, 40)),
    ("ExtensionSettings", "pin", Form::Text("^([0-9]{4,12})?$")),
    ("CallLimits", "concurrent", CALLS),
    ("CallLimits", "per_second", CALLS),
    ("CallLimits", "per_minute", CALLS),
    ("CallLimits", "per_hour", CALLS),
    ("Forward", "always", DIALLED_OR_NONE),
    ("Forward", "busy", DIALLED_OR_NONE),
    ("Forward", "no_answer", DIALLED_OR_NONE),
    ("Forward", "ring_secs", RING_SECS),
    ("Group", "number", NUMBER),
    ("Group", "name", DISPLAY_NAME),
    ("Group", "ring_secs", RING_SECS),
    ("Member", "extension", NUMBER),
    ("Member", "delay_secs", Form::Range(0, 180)),
    ("Trunk", "name", NAME),
    ("Trunk", "outbound_proxy", HOST),
    ("Trunk", "channels_max", Form::Range(1, 1_000)),
    ("Trunk", "inbound_per_minute", Form::Range(0, 6_000)),
    ("Trunk", "failover_statuses", STATUS),
    ("TrunkAccess", "server", HOST),
    ("TrunkAccess", "networks", NETWORK),
    ("TrunkAccess", "expires_secs", Form::Range(60, 86_400)),
    ("SessionTimers", "secs", Form::Range(90, 86_400)),
    ("InboundRewrite", "pattern", PATTERN),
    ("InboundRewrite", "prefix", DIALLED_OR_NONE),
    ("Route", "name", NAME),
    ("Route", "pattern", PATTERN),
    ("CallBack", "hours", Form::Range(1, 720)),
    ("CallBack", "ring_secs", Form::Range(5, 60)),
    ("Rewrite", "prefix", DIALLED_OR_NONE),
    ("Rewrite", "strip", Form::Range(0, 32)),
    ("Rewrite", "caller_id", PHONE_OR_NONE),
    ("Source", "extension", NUMBER),
    ("Source", "group", NUMBER),
    ("Source", "trunk", NAME),
    ("Destination", "extension", NUMBER),
    ("Destination", "group", NUMBER),
    ("Destination", "trunk", NAME),
    ("Destination", "number", DIALLED_OR_NONE),
    ("Destination", "hang-up", STATUS),
    ("TimeCondition", "name", NAME),
    ("TimeCondition", "zone", ZONE),
    (
        "WeekRange",
        "from",
        Form::Text("^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    ),
    (
        "WeekRange",
        "to",
        Form::Text("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"),
    ),
    ("DateRange", "from", Form::Outline(DAY)),
    ("DateRange", "to", Form::Outline(DAY_OR_NONE)),
    ("Networks", "internal", NETWORK),
    ("Features", "park", CODE),
    ("Features", "pickup", CODE),
    ("Features", "pickup_of", CODE),
    ("Features", "record", CODE),
    ("Features", "three_way", CODE),
    ("Features", "withhold", CODE),
    ("Features", "do_not_disturb", CODE),
    ("Features", "do_not_disturb_off", CODE),
    ("Features", "forward_always", CODE),
    ("Features", "forward_always_off", CODE),
    ("Features", "forward_busy", CODE),
    ("Features", "forward_busy_off", CODE),
    ("Features", "forward_no_answer", CODE),
    ("Features", "forward_no_answer_off", CODE),
    ("Parking", "timeout_secs", Form::Range(10, 3_600)),
    ("Dialling", "area_code", DIGITS_OR_NONE),
    ("Dialling", "carrier", DIGITS_OR_NONE),
    ("Dialling", "zone", ZONE),
    ("Dialling", "owned_numbers", PHONE),
    ("Dialling", "emergency_numbers", DIALLED),
    ("Dialling", "countries", Form::Text("^[1-9][0-9]{0,3}$")),
    ("CallerRule", "prefix", Form::Text("^\\+[0-9*#+]{0,31}$")),
    ("CallerRule", "name", DISPLAY_NAME),
    ("Limits", "outbound_percent", Form::Range(1, 100)),
    ("Tariff", "prefix", DIALLED_OR_NONE),
    ("Tariff", "cents", CENTS),
    ("Tariff", "setup_cents", CENTS),
    ("Tariff", "minimum_secs", Form::Range(0, 600)),
    ("Tariff", "increment_secs", Form::Range(1, 600)),
    ("Recordings", "keep_days", Form::Range(1, 3_650)),
    ("Recordings", "max_mib", Form::Range(64, 10 * 1024 * 1024)),
    ("Retention", "calls_days", Form::Range(1, 3_650)),
    ("Retention", "quality_days", Form::Range(1, 3_650)),
    ("Retention", "audit_days", Form::Range(180, 3_650)),
    ("Retention", "versions_days", Form::Range(30, 3_650)),
    ("Guard", "first_minutes", Form::Range(1, 1_440)),
    ("Guard", "longest_hours", Form::Range(1, 8_760)),
    ("Guard", "never", NETWORK),
    ("Guard", "decoys", NUMBER),
    ("Countries", "allowed", Form::Outline("^[A-Za-z]{2}$")),
    ("GuardRule", "count", Form::Range(1, 100)),
    ("GuardRule", "within_secs", Form::Range(10, 86_400)),
    ("Tunnel", "keepalive_secs", Form::Range(1, 45)),
    ("Tunnel", "mtu", Form::Range(1_280, 1_420)),
    ("Tunnel", "allowed", NETWORK),
];

/// Adds what is asked of the fields of a type to its description.
pub(super) fn apply(of: &str, schema: &mut Value) {
    for (_, field, form) in FORMS.iter().filter(|(it, ..)| *it == of) {
        form.put(field, schema);
    }
}

impl Form {
    /// What it adds to the description of a text or a number.
    pub(crate) fn schema(self) -> Map<String, Value> {
        let schema = match self {
            Self::Text(pattern) | Self::Outline(pattern) => json!({ "pattern": pattern }),
            Self::Length(from, to) => json!({ "minLength": from, "maxLength": to }),
            Self::Range(from, to) => json!({ "minimum": from, "maximum": to }),
        };
        match schema {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Adds it wherever the description has the field, in each kind of the type.
    fn put(self, field: &str, schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                let found = fields
                    .get_mut("properties")
                    .and_then(|it| it.get_mut(field));
                if let Some(found) = found {
                    self.extend(found);
                }
                fields.values_mut().for_each(|it| self.put(field, it));
            }
            Value::Array(all) => all.iter_mut().for_each(|it| self.put(field, it)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn extend(self, found: &mut Value) {
        let place = if found.get("items").is_some() {
            found.get_mut("items")
        } else {
            Some(found)
        };
        if let Some(Value::Object(found)) = place {
            found.extend(self.schema());
        }
    }
}

/// `config::Number`.
pub(super) const NUMBER: Form = Form::Text("^[0-9]{2,10}$");
/// What people name trunks, routes and time conditions.
const NAME: Form = Form::Length(1, 40);
const DISPLAY_NAME: Form = Form::Length(0, 64);
/// `config::is_dialled`.
const DIALLED: Form = Form::Text("^[0-9*#+]{1,32}$");
const DIALLED_OR_NONE: Form = Form::Text("^([0-9*#+]{1,32})?$");
const DIGITS_OR_NONE: Form = Form::Text("^([0-9]{1,5})?$");
/// `config::Phone`.
const PHONE: Form = Form::Text("^\\+[1-9][0-9]{7,14}$");
const PHONE_OR_NONE: Form = Form::Text("^(\\+[1-9][0-9]{7,14})?$");
/// `config::Pattern`.
const PATTERN: Form = Form::Text(concat!(
    "^_?(([0-9*#+XxZzNn]|\\[([0-9*#+]|0-[0-9]|1-[1-9]|2-[2-9]|3-[3-9]|4-[4-9]|5-[5-9]|6-[6-9]",
    "|7-[7-9]|8-[89]|9-9)+\\]){1,32}[.!]?|[.!])$"
));
/// `config::Network`: no bits behind the length, which no pattern says.
const NETWORK: Form = Form::Outline("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$");
/// `config::Host`.
const HOST: Form = Form::Outline("^[0-9A-Za-z._:\\[\\]-]*$");
/// `config::Zone`.
const ZONE: Form = Form::Outline("^[0-9A-Za-z_+/-]{1,64}$");
const DAY: &str = "^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";
const DAY_OR_NONE: &str = "^(([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$";
/// A code may not be the beginning of another, or of a number.
const CODE: Form = Form::Outline("^[0-9*#]{0,6}$");
const RING_SECS: Form = Form::Range(5, 180);
const CALLS: Form = Form::Range(0, 1_800);
const CENTS: Form = Form::Range(0, 1_000_000);
/// Of SIP.
const STATUS: Form = Form::Range(400, 699);
