"""Reading of CT and label volumes, and resampling of both onto one canonical grid."""
