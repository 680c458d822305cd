"""What a process tells of itself: signs of life, figures, whether it is well."""
