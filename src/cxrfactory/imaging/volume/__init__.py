"""CT and label volumes: reading them, and bringing them onto one canonical grid."""
