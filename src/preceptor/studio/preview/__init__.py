"""What the grader says of a rubric while it is written: three answers, each judged twice."""
