//! What a board keeps, and what it forgets.

use base::{Step, ids::RoundId};

use super::super::Storage;
use super::*;

const BOARD: BoardId = BoardId::KnownAnswer;

fn place(attempt: u32, sender: u8, exchange: u32) -> MessagePlace {
    MessagePlace { attempt, sender, batch: 0, exchange }
}

#[tokio::test]
async fn messages_come_in_their_order_and_one_in_each_place() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storage = Storage::open(folder.path()).await?;
    let mut tx = storage.write().await?;
    assert_eq!(tx.board(BOARD).await?, None);
    tx.open_board(BOARD, Millis(5), 7).await?;
    tx.open_board(BOARD, Millis(6), 8).await?;
    let row = BoardRow {
        attempt: 0,
        began_at: Millis(5),
        moved_at: Millis(5),
        stopped_at: None,
        named: 0,
        cpu_ms: 7,
    };
    assert_eq!(tx.board(BOARD).await?, Some(row), "it is opened once");
    for (sender, exchange) in [(2, 0), (1, 0), (1, 1), (3, 0)] {
        tx.post_message(BOARD, place(0, sender, exchange), &[sender], (Millis(9), None)).await?;
    }
    assert!(tx.post_message(BOARD, place(0, 2, 0), b"other", (Millis(9), None)).await.is_err());
    assert_eq!(tx.message_at(BOARD, place(0, 2, 0)).await?.as_deref(), Some([2].as_slice()));
    assert_eq!(tx.message_at(BOARD, place(1, 2, 0)).await?, None);
    let senders: Vec<u8> = tx.messages(BOARD, 0, 1).await?.iter().map(|row| row.sender).collect();
    assert_eq!(senders, [1, 1, 3], "what came after the first");
    assert_eq!(tx.last_message(BOARD, 0).await?, 4);
    let heard = |exchange, senders| HeardRow { batch: 0, exchange, senders };
    assert_eq!(tx.heard(BOARD, 0).await?, [heard(0, 0b111), heard(1, 0b001)]);
    Ok(())
}

#[tokio::test]
async fn a_page_ends_where_it_is_full_and_holds_one_message_at_least() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storage = Storage::open(folder.path()).await?;
    let mut tx = storage.write().await?;
    tx.open_board(BOARD, Millis(1), 0).await?;
    let (long, half) = (vec![0; PAGE_BYTES + 1], vec![1; PAGE_BYTES / 2]);
    for (exchange, bytes) in [&long, &half, &half, &half].into_iter().enumerate() {
        tx.post_message(BOARD, place(0, 1, exchange as u32), bytes, (Millis(1), None)).await?;
    }
    let mut after = 0;
    let mut pages = Vec::new();
    loop {
        let page = tx.messages(BOARD, 0, after).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        pages.push(page.len());
    }
    assert_eq!(pages, [1, 2, 1]);
    Ok(())
}

#[tokio::test]
async fn the_next_attempt_forgets_the_messages_and_remembers_who_was_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storage = Storage::open(folder.path()).await?;
    let other = BoardId::Round(RoundId::from_bytes([7; 16]), Step::Label);
    let mut tx = storage.write().await?;
    for board in [BOARD, other] {
        tx.open_board(board, Millis(1), 0).await?;
        tx.post_message(board, place(0, 1, 0), b"first", (Millis(2), None)).await?;
    }
    for (sender, at, named) in [(1, 3, 0b010), (3, 4, 0b100)] {
        let stop = (Millis(at), Some(named));
        tx.post_message(BOARD, place(0, sender, u32::MAX), b"stop", stop).await?;
    }
    let row = tx.board(BOARD).await?.ok_or_else(|| anyhow::anyhow!("no board"))?;
    assert_eq!((row.stopped_at, row.moved_at, row.named), (Some(Millis(3)), Millis(4), 0b110));
    tx.next_attempt(BOARD, row, Millis(8)).await?;
    let next = BoardRow { attempt: 1, began_at: Millis(8), moved_at: Millis(8), stopped_at: None, ..row };
    assert_eq!(tx.board(BOARD).await?, Some(next));
    assert_eq!((tx.messages(BOARD, 0, 0).await?, tx.messages(other, 0, 0).await?.len()), (vec![], 1));
    tx.close_board(other).await?;
    assert!(tx.board(other).await?.is_none() && tx.messages(other, 0, 0).await?.is_empty());
    tx.close_boards().await?;
    assert_eq!(tx.board(BOARD).await?, None);
    Ok(())
}
