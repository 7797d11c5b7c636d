use super::*;
use crate::ssh::socket;
use tokio::net::{TcpListener, TcpStream};

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// A line to a stream of this process, for cutting.
async fn line() -> (Line, socket::Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (socket, line) = socket::pair(stream);
    (line, socket)
}

fn admission(
    connections: usize,
    per_address: usize,
    handshakes: usize,
    handshakes_per_address: usize,
) -> Arc<Admission> {
    let limits = Limits {
        connections,
        connections_per_address: per_address,
        handshakes,
        handshakes_per_address,
        stalled: STALLED,
    };
    Arc::new(Admission { limits, state: Mutex::default() })
}

async fn is_cut(line: &Line) -> bool {
    tokio::time::timeout(std::time::Duration::ZERO, line.was_cut()).await.is_ok()
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_the_oldest_of_its_own_address() {
    let admission = admission(100, 100, 10, 2);
    let mut kept = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..4 {
        let (line, _) = line().await;
        kept.push(admission.enter(address(1), line.clone()).unwrap());
        lines.push(line);
    }
    let (other, _) = line().await;
    kept.push(admission.enter(address(2), other.clone()).unwrap());
    for (line, expected) in lines.iter().zip([true, true, false, false]) {
        assert_eq!(is_cut(line).await, expected);
    }
    assert!(!is_cut(&other).await);
    assert!(!kept[0].signed_in(), "who was dropped cannot sign in");
    assert!(kept[2].signed_in());
    drop(kept);
    let state = admission.lock();
    assert_eq!((state.total, state.by_address.len(), state.handshakes.len(), state.signed_in.len()), (0, 0, 0, 0));
}

#[tokio::test]
async fn when_all_places_are_taken_the_largest_crowd_loses_one() {
    let admission = admission(100, 100, 4, 4);
    let mut kept = Vec::new();
    let mut lines = Vec::new();
    for last in [1, 2, 2, 2, 3] {
        let (line, _) = line().await;
        kept.push(admission.enter(address(last), line.clone()).unwrap());
        lines.push(line);
    }
    for (line, expected) in lines.iter().zip([false, true, false, false, false]) {
        assert_eq!(is_cut(line).await, expected);
    }
}

#[tokio::test]
async fn those_who_signed_in_and_are_at_work_are_never_dropped_for_others() {
    let admission = admission(3, 2, 10, 10);
    let mut kept = Vec::new();
    for last in [1, 1, 2] {
        let (line, _) = line().await;
        let place = admission.enter(address(last), line).unwrap();
        assert!(place.signed_in());
        kept.push(place);
    }
    let (line, _) = line().await;
    assert_eq!(admission.enter(address(3), line.clone()).err(), Some(Refused::Full));
    kept.remove(2);
    assert_eq!(admission.enter(address(1), line.clone()).err(), Some(Refused::AddressFull));
    assert!(admission.enter(address(3), line).is_ok());
}

#[tokio::test]
async fn those_who_signed_in_and_stand_still_make_room_the_stillest_first() {
    let mut admission = admission(3, 2, 10, 10);
    Arc::get_mut(&mut admission).unwrap().limits.stalled = Duration::from_millis(1);
    let mut kept = Vec::new();
    let mut lines = Vec::new();
    for last in [1, 1, 2] {
        let (line, _) = line().await;
        let place = admission.enter(address(last), line.clone()).unwrap();
        assert!(place.signed_in());
        kept.push(place);
        lines.push(line);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let cut = async |lines: &[Line]| [is_cut(&lines[0]).await, is_cut(&lines[1]).await, is_cut(&lines[2]).await];
    let (newcomer, _) = line().await;
    let place = admission.enter(address(1), newcomer).unwrap();
    assert_eq!(cut(&lines).await, [true, false, false], "of the same address");
    assert!(place.signed_in());
    let (newcomer, _) = line().await;
    let _other = admission.enter(address(3), newcomer).unwrap();
    assert_eq!(cut(&lines).await, [true, true, false], "of all");
    drop((kept, place));
    assert_eq!(admission.lock().total, 1);
}

#[test]
fn a_network_of_ipv6_counts_as_one_address() {
    let one: IpAddr = "2001:db8:1:2::1".parse().unwrap();
    let two: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
    let other: IpAddr = "2001:db8:1:3::1".parse().unwrap();
    assert_eq!(network(one), network(two));
    assert_ne!(network(one), network(other));
}
