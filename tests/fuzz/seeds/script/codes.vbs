x = Chr(99) & Chr(97) & Chr(108) & ChrW(99) & _
 Chr(&H2E) & Chr(101)
y = "a" & "b" & "c" & "d"