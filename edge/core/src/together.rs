//! Several waits at once, on whatever runtime polls.

use std::future::poll_fn;
use std::task::Poll;

/// The outputs in the order of the futures, once all are there.
pub async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waits: Vec<_> = futures.map(|one| (Box::pin(one), None)).collect();
    poll_fn(|context| {
        let mut rest = Poll::Ready(());
        for (future, output) in &mut waits {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => rest = Poll::Pending,
                }
            }
        }
        rest
    })
    .await;
    waits.into_iter().filter_map(|(_, output)| output).collect()
}
