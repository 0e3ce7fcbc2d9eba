/** Something is wrong with the photo or the choice of the object; the message is for the visitor. */
export class PhotoError extends Error {}
