//! Waiting with a timer, so that nothing ever hangs.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Longest time a story waits for anything; generous, because machines differ and cores are shared.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Asks again and again until there is an answer; gives up after `longest` and says what was waited for.
pub fn until<T>(
    what: &str,
    longest: Duration,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if began.elapsed() > longest {
            bail!("waited {longest:?} for {what}, in vain");
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait_and_an_error_too() -> anyhow::Result<()> {
        let mut asked = 0;
        let third = || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        };
        assert_eq!(until("the third time", PATIENCE, third)?, 3);
        let failed = until::<()>("nothing", PATIENCE, || bail!("the coordinator died"));
        assert!(failed.is_err_and(|error| error.to_string() == "the coordinator died"));
        let waited = until::<()>("rain", Duration::ZERO, || Ok(None));
        assert!(waited.is_err_and(|error| error.to_string() == "waited 0ns for rain, in vain"));
        Ok(())
    }
}
