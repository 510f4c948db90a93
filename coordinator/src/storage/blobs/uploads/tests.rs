//! Stories of uploads that break off, meet each other, or are not what they claim.

use super::*;

fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().join("blobs"));
    (folder, blobs)
}

/// Lists every file below the folder of blobs.
fn files(blobs: &Blobs) -> Vec<PathBuf> {
    let Ok(shelves) = fs::read_dir(&blobs.folder) else { return Vec::new() };
    let files = shelves.flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_where_it_stopped() {
    let (_folder, blobs) = blobs();
    let whole = vec![7; 3000];
    let digest = Digest::of(&whole);
    assert_eq!(blobs.append(digest, 0, whole[..1000].to_vec()).await.unwrap(), 1000);
    assert_eq!(blobs.size(digest).await.unwrap(), None, "a part is no blob");
    assert!(blobs.get(digest).await.is_err());

    let blobs = Blobs::new(blobs.folder);
    assert_eq!(blobs.upload_length(digest).await.unwrap(), 1000);
    for (offset, kind) in [(0, "again"), (999, "overlapping"), (1001, "with a gap"), (u64::MAX, "far off")] {
        let refused = blobs.append(digest, offset, vec![7; 10]).await.unwrap_err();
        assert!(matches!(refused, UploadError::Offset { length: 1000, .. }), "{kind}: {refused}");
    }
    assert_eq!(blobs.append(digest, 1000, whole[1000..].to_vec()).await.unwrap(), 3000);
    blobs.finish(digest).await.unwrap();
    blobs.finish(digest).await.unwrap();
    assert_eq!(blobs.get(digest).await.unwrap(), whole);
    assert_eq!(blobs.append(digest, 0, vec![1; 5]).await.unwrap(), 3000, "nothing is added to a blob");
    assert_eq!(files(&blobs), [blobs.path(&digest)]);
}

#[tokio::test]
async fn parts_with_another_digest_are_refused_and_nothing_of_them_remains() {
    let (_folder, blobs) = blobs();
    let digest = Digest::of(b"the key");
    blobs.append(digest, 0, b"the kex".to_vec()).await.unwrap();
    let refused = blobs.finish(digest).await.unwrap_err();
    assert!(matches!(refused, UploadError::Digest { length: 7, .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains(&digest.to_string()) && text.contains(&Digest::of(b"the kex").to_string()),
        "{text}"
    );
    assert!(files(&blobs).is_empty());
    // Nor does asking to finish what never began leave anything.
    assert!(matches!(blobs.finish(digest).await, Err(UploadError::Digest { length: 0, .. })));
    assert!(files(&blobs).is_empty());

    blobs.append(digest, 0, b"the key".to_vec()).await.unwrap();
    blobs.finish(digest).await.unwrap();
    assert_eq!(blobs.get(digest).await.unwrap(), b"the key");
    blobs.finish(Digest::of(b"")).await.unwrap();
    assert_eq!(blobs.size(Digest::of(b"")).await.unwrap(), Some(0), "a blob of no bytes needs no part");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_send_the_same_part_at_once_exactly_one_is_heard() {
    let (_folder, blobs) = blobs();
    let whole: Vec<u8> = (0..=255).cycle().take(20 * 5000).collect();
    let digest = Digest::of(&whole);
    for (index, part) in whole.chunks(5000).enumerate() {
        let offset = index as u64 * 5000;
        let senders: Vec<_> = (0..8)
            .map(|_| {
                let (blobs, part) = (blobs.clone(), part.to_vec());
                tokio::spawn(async move { blobs.append(digest, offset, part).await })
            })
            .collect();
        let mut heard = 0;
        for sender in senders {
            match sender.await.unwrap() {
                Ok(length) => heard += usize::from(length == offset + 5000),
                Err(error) => assert!(
                    matches!(error, UploadError::Offset { length, .. } if length == offset + 5000),
                    "{error}"
                ),
            }
        }
        assert_eq!(heard, 1, "part {index}");
    }
    blobs.finish(digest).await.unwrap();
    blobs.append(Digest::of(b"another"), 0, b"an".to_vec()).await.unwrap();
    assert_eq!(blobs.turns.0.lock().unwrap().len(), 1, "turns that nobody waits for are forgotten");
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_let_the_next_one_write_between() {
    let (_folder, blobs) = blobs();
    let digest = Digest::of(&[3; 8 << 20]);
    let given_up = blobs.append(digest, 0, vec![3; 8 << 20]);
    // Polled once: the work is on its way to the disk when its request is dropped.
    tokio::select! { biased; _ = given_up => {}, () = std::future::ready(()) => {} }
    match blobs.append(digest, 0, vec![3; 8 << 20]).await {
        Ok(length) => assert_eq!(length, 8 << 20, "the first never reached the disk"),
        Err(error) => assert!(matches!(error, UploadError::Offset { length: 0x80_0000, .. }), "{error}"),
    }
    blobs.finish(digest).await.unwrap();
}

#[tokio::test]
async fn only_parts_that_rested_for_a_day_are_removed() {
    let (_folder, blobs) = blobs();
    assert_eq!(blobs.remove_stale_parts(Millis(i64::MAX)).await.unwrap(), 0, "nothing is there yet");
    let kept = blobs.put(b"a blob".to_vec()).await.unwrap();
    let digest = Digest::of(b"never finished");
    blobs.append(digest, 0, b"never".to_vec()).await.unwrap();
    let changed = fs::metadata(blobs.part(digest)).unwrap().modified().unwrap();
    let changed = changed.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let hours = |hours: i64| Millis(changed + hours * 3_600_000);
    for now in [Millis(0), Millis(i64::MIN), hours(23)] {
        assert_eq!(blobs.remove_stale_parts(now).await.unwrap(), 0, "{now:?}");
    }
    assert_eq!(blobs.remove_stale_parts(hours(25)).await.unwrap(), 1);
    assert_eq!(blobs.upload_length(digest).await.unwrap(), 0);
    assert_eq!(blobs.get(kept).await.unwrap(), b"a blob");
}
