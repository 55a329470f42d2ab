"""Named writes: bulk writes of the engine, and the clients' rows that go with an outbox entry."""
