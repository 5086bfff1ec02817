"""Drawing: what autograd recorded, as a picture and as a player of the way back."""
