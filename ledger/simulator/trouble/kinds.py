"""This file holds the kinds of trouble that this world counts."""

KINDS = (
    # results and donors
    "late_reactive", "pool_with_reactive", "emergency_then_positive", "group_disagreement", "merged_donors",
    "unmerged_donors", "failed_collection", "offline_vans", "autologous_to_another",
    # how bags are made
    "split_of_split", "outputs_above_inputs", "used_after_consumed", "relabelled", "received_from_outside",
    # where they are
    "cold_chain", "temperature_late", "two_hospitals", "returned", "recall_overlapping", "unknown_bag",
    # what becomes of them
    "wrong_patient", "two_patients", "presumed", "expired_given", "held_given", "discarded_given",
    "never_issued_given",
    # what is said of it
    "out_of_order", "correction", "correction_of_correction", "correction_of_unknown", "annulled", "future_clock",
    "duplicate_observation", "duplicate_request", "request_reused", "zoneless", "malformed_scan", "sample_tube_scan",
)  # fmt: skip
"""A story need not have each; twenty together must."""
