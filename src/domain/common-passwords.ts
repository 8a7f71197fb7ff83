/**
 * Words that leaked passwords are made of, by far most often: long enough a password of these alone is no harder to
 * guess than a short one. Lower case, letters that digits stand for written as letters or as people write them.
 */
export const COMMON_WORDS: readonly string[] = `
1q2w3e 1q2w3e4r 1qaz2wsx aaa abc123 abracadabra access account admin administrator america and andrew android
angel anthony anything apple april are arsenal asdf ashley asshole august australia autumn azerty baby babygirl
bailey banana bank banking barcelona baseball basketball batman battery berlin bestfriend bienvenue bitch
bitcoin blink bonjour brasil brother business buster butterfly canada change changeme charlie cheese chelsea
chicken china chocolate christ company computer contrasena contraseña cookie corporate correct corvette cowboy
credit crypto daddy daniel database december default demo devil docker dollar dragon eagle eagles england
enterprise everything example facebook family father february ferrari flower flowers football forever fortnite
france freedom friday friends frodo from frühling fuck fuckyou gandalf geheim george germany ginger github
gitlab god golden google guest hallo harley haslo heaven hello herbst hockey hogwarts honda horse hunter
iloveyou india internet iphone january japan jenkins jennifer jessica jesus jordan joshua july june juventus
killer kubernetes lakers letmein life linkedin liverpool login logon london love lovely loveme maggie march
master matrix matthew mercedes merlin metallica mexico michael michelle microsoft minecraft mommy monday money
monkey motdepasse mother mustang mysql network newyork ninja nirvana nothing november october office open oracle
orange packers paris parola passphrase passw0rd passwd password passwort pepper phoenix please pokemon polska
porsche postgres potter princesa princess private purple q1w2e3r4 qazwsx qwerty qwertz ranger robert rollcall
root russia sample samsung samurai satan saturday secret secure security senha september server sesame sexy
shadow signin silver sister slipknot soccer something sommer spiderman spring staple starwars steelers summer
sunday sunshine superman temp temporary test tester testing thank thanks that the this thomas thursday tigger
together tolkien toyota trustno tuesday twitter user username wachtwoord wallet warcraft wednesday welcome
welkom whatever william willkommen windows winter with wsxedc yamaha yankee you zaq12wsx zxcv
`
  .trim()
  .split(/\s+/)
