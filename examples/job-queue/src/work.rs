//! What workers do.

use std::pin::pin;

use iggyctl_messaging::codec::Protobuf;
use iggyctl_messaging::{
    Connection, Consumer, DeadLetters, Message, MessagingError, Producer, RedeliveryPolicy,
};

use crate::{DEAD_LETTERS, LOGS, LogLine, STATUS, STREAM, State, Status, TASKS, Task, producer};

/// How often a task is tried in all.
pub const MAX_ATTEMPTS: u32 = 3;

/// Does a task: `sum` adds numbers, `count-words` counts words.
///
/// # Errors
/// Why it cannot be done, in words.
pub fn run(task: &Task) -> Result<String, String> {
    match task.kind.as_str() {
        "sum" => {
            let mut sum = 0_i64;
            for input in &task.inputs {
                let number: i64 = input
                    .parse()
                    .map_err(|error| format!("`{input}` is not a number: {error}"))?;
                sum = sum.checked_add(number).ok_or("the sum is too large")?;
            }
            Ok(sum.to_string())
        }
        "count-words" => {
            let words = task
                .inputs
                .iter()
                .flat_map(|input| input.split_whitespace());
            Ok(words.count().to_string())
        }
        other => Err(format!("nobody knows how to do `{other}`")),
    }
}

/// One of the workers that share the tasks.
pub struct Worker {
    name: String,
    tasks: Consumer<Task>,
    statuses: Producer<Status>,
    logs: Producer<LogLine>,
}

impl Worker {
    /// Joins the group of workers.
    ///
    /// # Errors
    /// As [`iggyctl_messaging::ConsumerBuilder::build`].
    pub fn new(connection: &Connection, name: &str) -> Result<Self, MessagingError> {
        let tasks = Consumer::group(connection, "workers", STREAM, TASKS)
            .dead_letters(DeadLetters::to(STREAM, DEAD_LETTERS))
            .redelivery(RedeliveryPolicy {
                max_attempts: MAX_ATTEMPTS,
                // A task that waits to come again holds up nobody: they do not depend
                // on each other.
                keeps_order: false,
                ..RedeliveryPolicy::default()
            })
            .build(Protobuf)?;
        Ok(Self {
            name: name.to_owned(),
            tasks,
            statuses: producer(connection, STATUS)?,
            logs: producer(connection, LOGS)?,
        })
    }

    /// Does one task after the other until `stop` comes; then finishes the one in hand,
    /// stores how far it came, and leaves the group. `show` is told what became of each.
    ///
    /// # Errors
    /// What a person has to see to. The task that was in hand comes again.
    pub async fn work(
        mut self,
        stop: impl Future,
        mut show: impl FnMut(&Status),
    ) -> Result<(), MessagingError> {
        let mut stop = pin!(stop);
        loop {
            let message = tokio::select! {
                message = self.tasks.next() => message,
                _ = &mut stop => break,
            };
            let Some(message) = message.transpose()? else {
                break;
            };
            show(&self.handle(message).await?);
        }
        self.tasks.shutdown().await;
        Ok(())
    }

    async fn handle(&self, message: Message<Task>) -> Result<Status, MessagingError> {
        let (task, attempt) = (&message.payload, message.attempt);
        self.say(task, State::Running, attempt, "").await?;
        let (state, detail) = match run(task) {
            Ok(result) => (State::Done, result),
            Err(reason) if attempt < MAX_ATTEMPTS => (State::Retrying, reason),
            Err(reason) => (State::Dead, reason),
        };
        let line = LogLine {
            job_id: task.job_id.clone(),
            by: self.name.clone(),
            text: format!("attempt {attempt} of {}: {detail}", task.kind),
            is_last: state.is_final(),
        };
        self.logs.send(line).await?;
        let status = self.say(task, state, attempt, &detail).await?;
        // Last: a worker that dies before this leaves the task to another one.
        match state {
            State::Done => message.ack(),
            _ => message.nack(detail),
        }
        Ok(status)
    }

    async fn say(
        &self,
        task: &Task,
        state: State,
        attempt: u32,
        detail: &str,
    ) -> Result<Status, MessagingError> {
        let status = Status {
            job_id: task.job_id.clone(),
            state: state.into(),
            attempt,
            by: self.name.clone(),
            detail: detail.to_owned(),
        };
        self.statuses.send(status.clone()).await?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(kind: &str, inputs: &[&str]) -> Result<String, String> {
        run(&Task {
            job_id: "job".to_owned(),
            kind: kind.to_owned(),
            inputs: inputs.iter().map(ToString::to_string).collect(),
        })
    }

    #[test]
    fn work_is_done_or_said_to_be_impossible() {
        assert_eq!(done("sum", &["1", "-2", "40"]).unwrap(), "39");
        assert_eq!(done("count-words", &["two words", "three"]).unwrap(), "3");
        assert!(done("sum", &["one"]).unwrap_err().contains("`one`"));
        assert!(done("sum", &["9223372036854775807", "1"]).is_err());
        assert!(done("dance", &[]).unwrap_err().contains("`dance`"));
    }
}
