"""What every measurement needs: the work in parallel, shares with their intervals."""
