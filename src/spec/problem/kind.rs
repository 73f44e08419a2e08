//! The closed list of what can be wrong.

use super::Severity;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } = $code:literal;)*) => {
        /// What can be wrong. No variant carries a value from under `environment`, `secrets` or a request's body.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ProblemKind {
            $($(#[$doc])* #[allow(missing_docs)] $name { $($field: $type),* },)*
        }

        impl ProblemKind {
            /// The codes of all kinds.
            pub const CODES: &[&str] = &[$($code),*];

            /// Its code: stable, for machines.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $code,)*
                }
            }
        }
    };
}

kinds! {
    /// Nothing in it but comments and white space.
    EmptyFile {} = "empty-file";
    /// No text at all.
    BinaryFile {} = "binary-file";
    /// A text in another encoding.
    NotUtf8 { utf16: bool } = "not-utf8";
    /// Larger than any file written by hand.
    FileTooLarge { max_bytes: usize } = "file-too-large";
    /// YAML forbids tabs in indentation.
    Tab {} = "tab";
    /// Not YAML.
    Syntax { what: &'static str } = "yaml-syntax";
    /// More than one object in a file.
    SeveralDocuments {} = "several-documents";
    /// A key twice in a mapping.
    DuplicateKey { key: String, line: usize } = "duplicate-key";
    /// A list or mapping as a key.
    KeyNotText {} = "key-not-text";
    /// YAML 1.1's `<<`.
    MergeKey {} = "merge-key";
    /// An alias without its anchor, or one that contains itself.
    Alias {} = "yaml-alias";
    /// `!something`.
    Tag {} = "yaml-tag";
    /// Alias bombs and the like.
    TooComplex {} = "too-complex";
    /// The rest is not shown.
    TooManyProblems { shown: usize } = "too-many-problems";

    WrongType { field: String, expected: String, found: &'static str } = "wrong-type";
    InvalidValue { field: String, expected: String, hint: Option<String> } = "invalid-value";
    /// YAML tools differ in how they read it.
    Ambiguous { field: String, expected: &'static str } = "ambiguous-value";
    MissingField { field: String } = "missing-field";
    UnknownField { field: String, within: String, suggestion: Option<&'static str>, known: Vec<&'static str> } = "unknown-field";
    UnknownVariant { field: String, suggestion: Option<&'static str>, variants: Vec<&'static str> } = "unknown-variant";
    /// A mapping that has to have exactly one key.
    NotOneVariant { field: String, variants: Vec<&'static str> } = "not-one-variant";

    ApiVersion {} = "api-version";
    Kind { suggestion: Option<&'static str> } = "kind";
    /// An agent in `fleet.yaml`, or a fleet elsewhere.
    KindForPlace { found: &'static str, expected: &'static str } = "kind-for-place";
    Misplaced {} = "misplaced-file";
    NameNotPlace { what: &'static str, expected: String } = "name-not-place";
    FleetMissing { fleet: String } = "fleet-missing";
    /// Two agents would share something in AWS.
    NameClash { what: &'static str, other: String } = "name-clash";

    CpuUnits { nearest: u32 } = "cpu-units";
    MemoryForCpu { cpu: u32, memory_mib: u32, allowed: String, hint: String } = "memory-for-cpu";
    MutableTag {} = "mutable-tag";
    /// Both a tag and a digest, or neither.
    TagAndDigest { both: bool } = "tag-and-digest";
    ReplicasAndScaling {} = "replicas-and-scaling";
    OutOfRange { field: String, expected: String, hint: Option<&'static str> } = "out-of-range";
    TimeoutNotShorter { timeout: String, interval: String } = "timeout-not-shorter";
    MinAboveMax { min: u32, max: u32 } = "min-above-max";

    NotAnArn { field: String, example: &'static str } = "not-an-arn";
    /// An ARN of something else.
    ArnOfOther { field: String, expected: &'static str, example: &'static str } = "arn-of-other";
    /// An ARN of another account, region or partition than the fleet's.
    ArnElsewhere { field: String, what: &'static str, expected: String } = "arn-elsewhere";
    AwsId { field: String, example: &'static str } = "aws-id";
    OtherLoadBalancer { same: bool } = "other-load-balancer";
    DuplicateItem { field: String } = "duplicate-item";
    EmptyList { field: String } = "empty-list";
    NotAllowed { field: String, bound: &'static str, patterns: Vec<String> } = "not-allowed";

    /// What stands under `secrets` is no ARN: it may be the secret itself, and is never shown.
    SecretNotArn { field: String } = "secret-not-arn";
    SecretInPlain { field: String, looks_like: &'static str } = "secret-in-plain";
    VariableName { field: String } = "variable-name";
    VariableReserved { name: String } = "variable-reserved";
    VariableTwice { name: String } = "variable-twice";

    ModelId { field: String } = "model-id";
    UrlPath { field: String } = "url-path";
    Host { field: String } = "host";
    HttpsUrl { field: String } = "https-url";
    LogGroup {} = "log-group";
    LogRetention { nearest: u32 } = "log-retention";
    Cron { field: String, why: &'static str } = "cron";
    TimeZone { suggestion: Option<String> } = "time-zone";
    PauseIsResume {} = "pause-is-resume";
    /// Nothing would be routed, expected or watched.
    SaysNothing { field: String, expected: &'static str } = "says-nothing";
    /// A field that makes no sense without another.
    Needs { field: String, needs: &'static str, hint: &'static str } = "needs";

    /// What a later version acts on, and what would be deployed without it is not what was written.
    NotAvailable { feature: &'static str, instead: &'static str } = "not-available";
    /// What a later version acts on; the rest is as written.
    NotYetActedOn { features: Vec<&'static str> } = "not-yet-acted-on";
    /// A Bedrock API key is not bound by the task role.
    ModelsUnbound { variable: String } = "models-unbound";
}

impl ProblemKind {
    /// Whether the file can be used in spite of it.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NotYetActedOn { .. } | Self::ModelsUnbound { .. } => Severity::Notice,
            _ => Severity::Error,
        }
    }
}
