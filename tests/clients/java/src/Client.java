// The client matrix on JGit. See ../../README.md for the commands.

import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.TransportCommand;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.Ref;
import org.eclipse.jgit.lib.StoredConfig;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.PushResult;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.RemoteRefUpdate;
import org.eclipse.jgit.transport.SshSessionFactory;
import org.eclipse.jgit.transport.TagOpt;
import org.eclipse.jgit.transport.UsernamePasswordCredentialsProvider;
import org.eclipse.jgit.transport.sshd.ServerKeyDatabase;
import org.eclipse.jgit.transport.sshd.SshdSessionFactoryBuilder;

public final class Client {
    private static final String USER = System.getenv("CLIENT_USER");
    private static final String PASSWORD = System.getenv("CLIENT_PASSWORD");
    private static final String KEY = System.getenv("CLIENT_KEY");
    private static final String PROTOCOL = System.getenv("CLIENT_PROTOCOL");
    private static final PersonIdent WHO =
            new PersonIdent("Matrix", "matrix@example.org", Instant.ofEpochSecond(1_700_000_000L), ZoneOffset.UTC);

    /** Every host key is taken: the test made the server. */
    private static final class AnyKey implements ServerKeyDatabase {
        @Override
        public List<PublicKey> lookup(String address, InetSocketAddress remote, Configuration config) {
            return List.of();
        }

        @Override
        public boolean accept(
                String address, InetSocketAddress remote, PublicKey key, Configuration config, CredentialsProvider provider) {
            return true;
        }
    }

    private static <C extends TransportCommand<C, ?>> C with(C command) {
        return USER == null ? command : command.setCredentialsProvider(new UsernamePasswordCredentialsProvider(USER, PASSWORD));
    }

    private static Git open(String directory) throws Exception {
        Git git = Git.open(new File(directory));
        if (PROTOCOL != null) {
            StoredConfig config = git.getRepository().getConfig();
            config.setString("protocol", null, "version", PROTOCOL);
            config.save();
        }
        return git;
    }

    public static void main(String[] words) throws Exception {
        if (KEY != null) {
            File home = new File(System.getenv("CLIENT_SCRATCH"));
            SshSessionFactory.setInstance(new SshdSessionFactoryBuilder()
                    .setHomeDirectory(home)
                    .setSshDirectory(new File(home, "ssh"))
                    .setPreferredAuthentications("publickey")
                    .setDefaultIdentities(directory -> List.of(Path.of(KEY)))
                    .setServerKeyDatabase((ignoredHome, ignoredSsh) -> new AnyKey())
                    .build(null));
        }
        String[] rest = Arrays.copyOfRange(words, 1, words.length);
        switch (words[0]) {
            case "clone" -> {
                var clone = with(Git.cloneRepository()).setURI(rest[0]).setDirectory(new File(rest[1]));
                if (rest.length > 2) {
                    clone.setDepth(Integer.parseInt(rest[2]));
                }
                clone.call().close();
            }
            case "fetch" -> {
                try (Git git = open(rest[0])) {
                    with(git.fetch()).setRemoveDeletedRefs(true).setTagOpt(TagOpt.FETCH_TAGS).call();
                }
            }
            case "commit" -> {
                try (Git git = open(rest[0])) {
                    Files.writeString(Path.of(rest[0], rest[1]), rest[2]);
                    git.add().addFilepattern(rest[1]).call();
                    var commit = git.commit().setAuthor(WHO).setCommitter(WHO).setSign(false).setMessage("Write " + rest[1]);
                    System.out.println(commit.call().getName());
                }
            }
            case "tag" -> {
                try (Git git = open(rest[0])) {
                    git.tag().setName(rest[1]).setAnnotated(true).setSigned(false).setTagger(WHO)
                            .setMessage("Release " + rest[1]).call();
                }
            }
            case "push" -> {
                List<RefSpec> specs = new ArrayList<>();
                for (String spec : Arrays.copyOfRange(rest, 1, rest.length)) {
                    specs.add(new RefSpec(spec));
                }
                try (Git git = open(rest[0])) {
                    for (PushResult result : with(git.push()).setRefSpecs(specs).call()) {
                        for (RemoteRefUpdate update : result.getRemoteUpdates()) {
                            if (update.getStatus() != RemoteRefUpdate.Status.OK
                                    && update.getStatus() != RemoteRefUpdate.Status.UP_TO_DATE) {
                                throw new IllegalStateException(update.toString());
                            }
                        }
                    }
                }
            }
            case "list" -> {
                for (Ref ref : with(Git.lsRemoteRepository()).setRemote(rest[0]).setHeads(false).setTags(false).call()) {
                    System.out.println(ref.getObjectId().getName() + " " + ref.getName());
                }
            }
            case "version" -> System.out.println("JGit " + Git.class.getPackage().getImplementationVersion());
            default -> throw new IllegalArgumentException(words[0]);
        }
    }
}
