//! Blocks from outside: executed on the tip, then proposed as one entry.

use super::{Producer, Submission, Submitted};
use crate::chain::{
    Rejection,
    command::{Answer, Body, Outcome},
    import::ImportedBlock,
};
use std::sync::Arc;

impl Producer {
    /// Takes the blocks up to the first wrong one. The entry holds those that were taken, so a follower that refuses
    /// one of them has another chain.
    pub(super) async fn import(&mut self, submission: Submission, blocks: &[Arc<ImportedBlock>]) {
        let now_ms = self.environment.now_ms();
        let Some(mut chain) = self.tip_chain().cloned() else {
            return;
        };
        let mut built = Vec::with_capacity(blocks.len());
        let mut refused = None;
        for block in blocks {
            match chain.import_block(block) {
                Ok(one) => {
                    chain.stack(&one, now_ms);
                    built.push(one);
                }
                Err(bad) => {
                    refused = Some(bad);
                    break;
                }
            }
        }
        if built.is_empty()
            && let Some(bad) = refused
        {
            let rejected = Submitted::Rejected(Rejection::BadBlock(Box::new(bad)));
            let _ = submission.reply.send(rejected);
            return;
        }
        let answer = Answer {
            request: submission.request,
            outcome: Some(Outcome::Imported {
                count: built.len() as u64,
                refused: refused.map(Box::new),
            }),
            complete: true,
        };
        let body = Body::Import(blocks[..built.len()].to_vec());
        self.propose(vec![answer], body, built, vec![submission.reply])
            .await;
    }
}
