"""This file holds nothing: `relay` sends every fact of a ledger to Kafka, in order, numbered and chained."""
