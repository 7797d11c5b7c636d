//! The restart policy as a table, and children that really die.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testkit::until;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn policy_restarts_with_growing_backoff_then_escalates_and_forgets_old_deaths() {
    let policy = Policy { restarts: 2, within: MINUTE, backoff: Duration::from_secs(1) };
    let mut deaths = VecDeque::new();
    let start = Instant::now();
    assert_eq!(policy.decide(&mut deaths, start), Verdict::RestartAfter(Duration::from_secs(1)));
    assert_eq!(policy.decide(&mut deaths, start), Verdict::RestartAfter(Duration::from_secs(2)));
    assert_eq!(policy.decide(&mut deaths, start), Verdict::Escalate);
    assert_eq!(policy.decide(&mut deaths, start + 2 * MINUTE), Verdict::RestartAfter(Duration::from_secs(1)));
    assert_eq!(Policy::NEVER.decide(&mut VecDeque::new(), start), Verdict::Escalate);
}

/// Dies of its first message.
struct Mortal;

impl Actor for Mortal {
    type Msg = &'static str;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<&'static str>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<&'static str>,
        how: &'static str,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match how {
            "panic" => panic!("as told"),
            _ => Err(how.into()),
        }
    }
}

struct Scene {
    supervisor: Supervisor,
    escalations: Arc<Mutex<Vec<Escalation>>>,
    current: Arc<Mutex<Option<ActorRef<&'static str>>>>,
    starts: Arc<AtomicUsize>,
}

async fn scene(policy: Policy) -> Scene {
    let escalations = Arc::new(Mutex::new(Vec::new()));
    let supervisor = Supervisor::start(Arc::new({
        let escalations = Arc::clone(&escalations);
        move |escalation| escalations.lock().unwrap().push(escalation)
    }))
    .await
    .unwrap();
    let current = Arc::new(Mutex::new(None));
    let starts = Arc::new(AtomicUsize::new(0));
    let start: StartChild = Box::new({
        let (current, starts) = (Arc::clone(&current), Arc::clone(&starts));
        move |parent| {
            let (current, starts) = (Arc::clone(&current), Arc::clone(&starts));
            Box::pin(async move {
                let (actor, _join) = Actor::spawn_linked(None, Mortal, (), parent).await?;
                *current.lock().unwrap() = Some(actor.clone());
                starts.fetch_add(1, Ordering::SeqCst);
                Ok(actor.get_cell())
            })
        }
    });
    supervisor.adopt(Child { name: "mortal", exit_code: 99, policy, start }).await.unwrap();
    Scene { supervisor, escalations, current, starts }
}

impl Scene {
    fn current(&self) -> ActorRef<&'static str> {
        self.current.lock().unwrap().clone().unwrap()
    }
}

#[tokio::test]
async fn a_child_beyond_rescue_escalates_with_its_own_exit_code() {
    let scene = scene(Policy::NEVER).await;
    scene.current().send_message("broken state").unwrap();
    let seen = until("escalation", || scene.escalations.lock().unwrap().first().cloned()).await;
    assert_eq!((seen.child, seen.exit_code), ("mortal", 99));
    assert!(seen.reason.contains("broken state"), "{}", seen.reason);
    scene.supervisor.stop().await;
    assert_eq!(scene.escalations.lock().unwrap().len(), 1, "an orderly stop does not escalate");
}

#[tokio::test]
async fn a_panicking_child_is_restarted_until_its_budget_is_spent() {
    let scene = scene(Policy { restarts: 1, within: MINUTE, backoff: Duration::from_millis(1) }).await;
    scene.current().send_message("panic").unwrap();
    until("second life", || (scene.starts.load(Ordering::SeqCst) == 2).then_some(())).await;
    assert!(scene.escalations.lock().unwrap().is_empty());
    scene.current().send_message("panic").unwrap();
    until("escalation", || scene.escalations.lock().unwrap().first().cloned()).await;
    assert_eq!(scene.starts.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_orderly_stop_of_a_child_is_not_a_death() {
    let scene = scene(Policy::NEVER).await;
    scene.current().stop_and_wait(Some(ORDERLY.to_owned()), None).await.unwrap();
    crate::testkit::until_async("child is gone", || async {
        scene.supervisor.inspect(Deadline::after(MINUTE)).await.unwrap().is_empty().then_some(())
    })
    .await;
    assert!(scene.escalations.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_death_of_the_supervisor_escalates() {
    let scene = scene(Policy::NEVER).await;
    scene.supervisor.actor.kill();
    let seen = until("escalation", || scene.escalations.lock().unwrap().first().cloned()).await;
    assert_eq!(seen.exit_code, EXIT_SUPERVISOR);
}
