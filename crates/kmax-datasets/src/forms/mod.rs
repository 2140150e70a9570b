//! What annotation tools write, and what they take back.
