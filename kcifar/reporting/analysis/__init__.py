"""What follows from several runs together: groups, differences between recipes, studies, the leader."""
