"""The engine that moves deliveries through: ledger, queue, loop, worker, receipts, report."""
