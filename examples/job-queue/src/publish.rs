//! Giving tasks to the workers.

use iggyctl_messaging::{Connection, MessagingError};

use crate::{STATUS, State, Status, TASKS, Task, producer};

/// Says that the task is queued, and then queues it: in this order, so that its status
/// is never read backwards.
///
/// # Errors
/// When it could not be sent, or perhaps not: the same task may be sent again, under
/// the same job id.
pub async fn publish(connection: &Connection, task: Task) -> Result<(), MessagingError> {
    let queued = Status {
        job_id: task.job_id.clone(),
        state: State::Queued.into(),
        attempt: 0,
        by: "publish-task".to_owned(),
        detail: task.kind.clone(),
    };
    producer(connection, STATUS)?.send(queued).await?;
    producer(connection, TASKS)?.send(task).await?;
    Ok(())
}
