"""Alembic's entry: runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from dispatcher.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
