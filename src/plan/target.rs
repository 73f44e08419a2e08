//! What should serve: the content that git asks for, or what is held in its place.

use super::diff::PLATFORM_VERSION;
use super::{Input, Wait, guard};
use crate::ledger::{Head, RevisionRef};
use crate::names::{ContentHash, ImageDigest, RevisionNumber};
use crate::observed::Seen;
use crate::resources::{self, Content, Hashes};
use crate::spec::model::{Agent, Fleet, Image, ImageReference};

/// Content with its hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub content: Content,
    pub hashes: Hashes,
}

impl Target {
    fn new(content: Content) -> Result<Self, Wait> {
        let hashes =
            content.hashes().map_err(|error| Wait::Stalled { reason: format!("content cannot be hashed: {error}") })?;
        Ok(Self { content, hashes })
    }
}

/// What people call the image: its tag, or the digest's short form.
pub fn version(image: &Image) -> String {
    match &image.reference {
        ImageReference::Tag(tag) => tag.to_string(),
        ImageReference::Digest(digest) => digest.short().to_owned(),
    }
}

/// The digest to render with, and what there is to say about the image.
///
/// An image that cannot be read, or is gone, still has a known digest if it is what the ledger has recorded for this very
/// tag: what runs goes on being looked after.
pub fn digest(agent: &Agent, head: &Head, image: &Seen<ImageDigest>) -> (Option<ImageDigest>, Option<Wait>) {
    let recorded = head.desired.as_ref().filter(|desired| desired.version == version(&agent.image));
    let recorded = recorded.map(|desired| desired.digest.clone());
    match image {
        Seen::Present(digest) => (Some(digest.clone()), None),
        Seen::Absent => {
            let wait = Wait::Image { repository: agent.image.repository.to_string(), reference: version(&agent.image) };
            (recorded, Some(wait))
        }
        Seen::Unknown(why) => {
            let what = format!("image {} in {}", version(&agent.image), agent.image.repository);
            (recorded, Some(Wait::Unreadable { what, why: why.clone() }))
        }
    }
}

/// What git asks for, rendered; or, while that cannot be said (no image yet, a tag that moved), what it asked before.
#[derive(Clone, Debug, PartialEq)]
// There is one at a time.
#[allow(clippy::large_enum_variant)]
pub enum Wanted {
    Written {
        target: Target,
        digest: ImageDigest,
    },
    Recorded(Target),
    /// Neither; the waits say why.
    Nothing,
}

/// Works out what git asks for, and says what stands in the way.
pub fn wanted(input: &Input<'_>, waits: &mut Vec<Wait>) -> Wanted {
    let (digest, wait) = digest(input.agent, input.head, &input.snapshot.image);
    waits.extend(wait);
    let Some(digest) = digest else { return recorded(input) };
    if let Some(veto) = guard::tag_moved(input, &digest) {
        waits.push(veto);
        return recorded(input);
    }
    match render(input.fleet, input.agent, &digest) {
        Ok(target) => Wanted::Written { target, digest },
        Err(wait) => {
            waits.push(wait);
            recorded(input)
        }
    }
}

fn recorded(input: &Input<'_>) -> Wanted {
    let content = input.head.desired.as_ref().and_then(|desired| input.recall.contents.get(&desired.hashes.revision));
    match content.cloned().map(Target::new) {
        Some(Ok(target)) => Wanted::Recorded(target),
        Some(Err(_)) | None => Wanted::Nothing,
    }
}

/// Renders content for a known digest.
pub fn render(fleet: &Fleet, agent: &Agent, digest: &ImageDigest) -> Result<Target, Wait> {
    Target::new(Content::new(resources::render(fleet, agent, digest), agent))
}

/// The revision of a content: the recorded one if it was ever recorded, else the next number.
pub fn revision(
    input: &Input<'_>,
    head: &Head,
    target: &Target,
    version: String,
    digest: ImageDigest,
) -> (RevisionRef, bool) {
    let known = [&head.desired, &head.succeeded, &head.served];
    let known = known.into_iter().flatten().find(|known| known.hashes.revision == target.hashes.revision);
    let known = known.or_else(|| input.recall.revisions.get(&target.hashes.revision));
    match known {
        Some(known) => (RevisionRef { version, ..known.clone() }, false),
        None => {
            let revision = RevisionRef {
                number: RevisionNumber(head.revisions + 1),
                hashes: target.hashes.clone(),
                version,
                digest,
                recorded_in: head.sequence + 1,
            };
            (revision, true)
        }
    }
}

/// What should serve now.
#[derive(Clone, Debug, PartialEq)]
// There is one at a time.
#[allow(clippy::large_enum_variant)]
pub enum Effective {
    /// What git asks for.
    Wanted(Target),
    /// The wanted workload failed; the last that succeeded, with every change that needs no rollout.
    Held { target: Target, revision: RevisionRef, wait: Wait },
    /// The wanted workload failed, and there is nothing to go back to.
    Nothing { wait: Wait },
    /// The ledger must be asked for this content first; the next pass has it.
    Recall,
}

/// Chooses between what git asks for and what is held. A workload in quarantine is never selected.
pub fn effective(input: &Input<'_>, head: &Head, wanted: Target) -> Effective {
    let Some(held) = head.quarantined(&wanted.hashes.workload) else { return Effective::Wanted(wanted) };
    let Some(good) = head.good() else {
        let reason = format!("{} failed and nothing ran before it: {}; commit new content", held.version, held.reason);
        return Effective::Nothing { wait: Wait::Stalled { reason } };
    };
    let Some(content) = input.recall.contents.get(&good.hashes.revision) else { return Effective::Recall };
    let wait = Wait::Held { version: held.version.clone(), reason: held.reason.clone() };
    match Target::new(wanted.content.with_workload_of(content)) {
        Ok(target) => Effective::Held { target, revision: good.clone(), wait },
        Err(wait) => Effective::Nothing { wait },
    }
}

/// What a pass must ask the ledger, and ECS, before it can decide. Empty at rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Questions {
    /// The digest that this tag meant when it was first seen.
    pub tag: bool,
    /// Whether this revision was recorded before.
    pub revision: Option<ContentHash>,
    /// Contents recorded before.
    pub contents: Vec<RevisionRef>,
    /// Task definitions that may have to be deployed.
    pub task_definitions: Vec<TaskDefinitionQuestion>,
    /// The service's deployments: a rollout may begin, and is told from those before it by the newest of them. The service
    /// is to be observed again, as one in motion.
    pub deployments: bool,
}

/// Is there a task definition of this family with this hash?
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDefinitionQuestion {
    pub family: String,
    pub hash: ContentHash,
    /// From the head; otherwise the ledger's item for the hash is asked, then the family's newest by tag.
    pub known_arn: Option<String>,
}

/// What a pass must ask before it can decide.
pub fn questions(input: &Input<'_>) -> Questions {
    let (head, mut questions) = (input.head, Questions::default());
    let digest = digest(input.agent, head, &input.snapshot.image).0;
    let rendered = digest.map(|digest| render(input.fleet, input.agent, &digest));
    let Some(Ok(wanted)) = rendered else {
        questions.contents.extend(head.desired.clone());
        questions.contents.extend(head.good().cloned());
        return questions;
    };
    let version = version(&input.agent.image);
    let current = head.desired.as_ref();
    if !current.is_some_and(|current| current.hashes.revision == wanted.hashes.revision && current.version == version) {
        questions.tag = matches!(input.agent.image.reference, ImageReference::Tag(_));
        questions.revision = Some(wanted.hashes.revision.clone());
        questions.contents.extend(head.desired.clone());
    }
    let hash = if head.quarantined(&wanted.hashes.workload).is_some() {
        questions.contents.extend(head.good().cloned());
        head.good().map(|good| good.hashes.task_definition.clone())
    } else {
        Some(wanted.hashes.task_definition.clone())
    };
    questions.task_definitions.extend(hash.and_then(|hash| task_definition_question(input, hash)));
    questions.deployments = deploys(input, &wanted, &questions);
    questions
}

/// A task definition that is known and serves need not be read again: it cannot change.
fn task_definition_question(input: &Input<'_>, hash: ContentHash) -> Option<TaskDefinitionQuestion> {
    let known_arn = input.head.task_definitions.get(&hash).cloned();
    let live = input.snapshot.service.present().map(|service| &service.task_definition);
    let serves = known_arn.is_some() && live == known_arn.as_ref();
    (!serves).then(|| TaskDefinitionQuestion { family: input.agent.id.service_name(), hash, known_arn })
}

fn deploys(input: &Input<'_>, wanted: &Target, questions: &Questions) -> bool {
    let Some(live) = input.snapshot.service.present() else { return false };
    let service = &wanted.content.resources.service;
    let network = live.subnets != service.subnets
        || live.security_groups != service.security_groups
        || live.assign_public_ip
        || live.platform_version != PLATFORM_VERSION;
    input.snapshot.deployments.present().is_none() && (network || !questions.task_definitions.is_empty())
}
