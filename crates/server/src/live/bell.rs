//! How whoever waits is woken: one bell for each waiter, one cord for each thing that it waits for.
//!
//! Refuses to count: a cord that is pulled often rings once until it has been answered.

use super::lock;
use futures_util::task::AtomicWaker;
use smallvec::SmallVec;
use std::future::poll_fn;
use std::mem::swap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Marks of cords; most waiters have one.
pub(crate) type Marks = SmallVec<[usize; 2]>;

/// The bell of one waiter.
#[derive(Default)]
pub(crate) struct Bell {
    /// The marks of the cords that were pulled.
    pulled: Mutex<Marks>,
    waker: AtomicWaker,
}

/// Rings a bell, and says by its mark what for.
pub(crate) struct Cord {
    bell: Arc<Bell>,
    mark: usize,
    is_pulled: AtomicBool,
}

impl Bell {
    /// A cord with a mark.
    pub(crate) fn cord(self: &Arc<Self>, mark: usize) -> Arc<Cord> {
        Arc::new(Cord { bell: Arc::clone(self), mark, is_pulled: AtomicBool::new(false) })
    }

    /// Waits for pulls; then `marks`, which has to be empty, holds those of the cords. Each has to be
    /// answered before a look is taken at what it stands for.
    pub(crate) fn poll(&self, cx: &Context<'_>, marks: &mut Marks) -> Poll<()> {
        if self.take(marks) {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        // A pull that came before the waker was there woke nobody.
        if self.take(marks) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits for a pull of the one cord.
    pub(crate) async fn pulled(&self, cord: &Cord) {
        poll_fn(|cx| self.poll(cx, &mut Marks::new())).await;
        cord.answer();
    }

    /// The same without waiting; `false` = nothing was pulled.
    pub(crate) fn take(&self, marks: &mut Marks) -> bool {
        swap(&mut *lock(&self.pulled), marks);
        !marks.is_empty()
    }
}

impl Cord {
    /// Wakes the waiter, unless it has still to answer an earlier pull.
    pub(crate) fn pull(&self) {
        // Looking is cheaper than changing, and most of many waiters have been woken already.
        if self.is_pulled.load(Ordering::Acquire) || self.is_pulled.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut pulled = lock(&self.bell.pulled);
        pulled.push(self.mark);
        let is_first = pulled.len() == 1;
        drop(pulled);
        if is_first {
            self.bell.waker.wake();
        }
    }

    /// From here on a pull rings again.
    pub(crate) fn answer(&self) {
        self.is_pulled.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;

    #[test]
    fn a_cord_rings_once_until_it_is_answered() {
        let bell = Arc::new(Bell::default());
        let (one, other) = (bell.cord(1), bell.cord(2));
        let waker = noop_waker();
        let cx = Context::from_waker(&waker);
        let mut marks = Marks::new();
        one.pull();
        one.pull();
        other.pull();
        assert_eq!((bell.poll(&cx, &mut marks), &*marks), (Poll::Ready(()), &[1, 2][..]));
        marks.clear();
        one.pull();
        assert!(bell.poll(&cx, &mut marks).is_pending(), "it has not been answered");
        one.answer();
        one.pull();
        assert_eq!((bell.poll(&cx, &mut marks), &*marks), (Poll::Ready(()), &[1][..]));
    }
}
