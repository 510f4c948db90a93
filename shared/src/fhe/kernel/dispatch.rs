//! The one place with `unsafe`: work is compiled for several kinds of processors, and the widest that is here runs it.

/// A piece of work that is compiled anew for each kind of processor.
///
/// `run` must be `#[inline(always)]`, and so must all that it calls in its loops: only then are they compiled with the
/// instructions of the function they end up in.
pub(super) trait Work {
    /// What comes out.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Proves that this processor has certain instructions: there is no other way to get one than to ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instructions(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// Those that every processor has.
    const ANY: Self = Self(Kind::Any);

    /// Returns all that are here, the widest last.
    pub(super) fn here() -> Vec<Self> {
        let mut here = vec![Self::ANY];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let has_avx512 = has_avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw");
            here.extend(has_avx2.then_some(Self(Kind::Avx2)));
            here.extend(has_avx512.then_some(Self(Kind::Avx512)));
        }
        here
    }

    /// Runs the work with these instructions.
    pub(super) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Kind::Any => work.run(),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know which processor the program will meet")]
            // SAFETY: `avx2` needs the features avx2 and fma and nothing else; this value exists only where `here` found
            // both.
            Kind::Avx2 => unsafe { avx2(work) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the compiler cannot know which processor the program will meet")]
            // SAFETY: `avx512` needs the six features that `here` looks for and nothing else; this value exists only
            // where it found them all.
            Kind::Avx512 => unsafe { avx512(work) },
        }
    }
}

/// Runs the work with the widest instructions of this processor.
pub(super) fn dispatch<W: Work>(work: W) -> W::Output {
    Instructions::here().pop().unwrap_or(Instructions::ANY).run(work)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run()
}
