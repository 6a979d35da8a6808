"""The study of generalisation: models tested on sources (hospitals) that they were trained without."""
